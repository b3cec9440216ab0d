package metrics

import (
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/plugins/test/document"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/sample"
	"github.com/stagegate/stagegate/sdk"
)

// Rows reads the items behind metrics, one JSON object a line:
//
//	{"id": "row-17", "accuracy": true, "latency": 12.5, "digit": 3}
//
// The id is the same in every evaluation of the same item. Members that are
// named as a metric are its value for the item, and every row has those that the
// first one has; all others are what items may be grouped by.
func Rows(f evaluation.File, measured []sdk.Metric, labels []string) (_ *sample.Table, err error) {
	in, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	r := rows{measured: measured, labels: labels}
	if err := document.Lines(in, func(_ int, row document.Value) error { return r.add(row) }); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name, err)
	}
	if r.table == nil {
		return nil, fmt.Errorf("read %s: it holds no row", f.Name)
	}
	r.table.Seal()
	return r.table, nil
}

type rows struct {
	measured []sdk.Metric
	labels   []string
	table    *sample.Table
	values   []float64
}

func (r *rows) add(row document.Value) error {
	if row.Kind() != document.Object {
		return row.Errorf("it is %s; a row is an object", row.Kind())
	}
	if r.table == nil {
		if err := r.begin(row); err != nil {
			return err
		}
	}
	id, ok := row.Get("id")
	if !ok {
		return row.Missing("id")
	}
	name, err := id.Plain()
	if err != nil {
		return err
	}
	r.values = r.values[:0]
	for _, metric := range r.table.Metrics {
		v, ok := row.Get(metric)
		if !ok {
			return row.Missing(metric)
		}
		f, err := v.Measure()
		if err != nil {
			return err
		}
		r.values = append(r.values, f)
	}
	texts, err := evaluation.Labels(row, r.labels)
	if err != nil {
		return err
	}
	return r.table.Add(sample.KeyOf(name), r.values, texts)
}

func (r *rows) begin(row document.Value) error {
	var names []string
	for _, m := range r.measured {
		if _, ok := row.Get(m.Name); ok {
			names = append(names, m.Name)
		}
	}
	if len(names) == 0 {
		return row.Errorf("it has no member that is named as a metric")
	}
	var err error
	r.table, err = sample.NewTable(names, r.labels, sample.NewLimit())
	return err
}
