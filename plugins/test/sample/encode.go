package sample

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/stagegate/stagegate/plugins/test/document"
)

// MediaType is that of the form that Encode writes: for each table a line
//
//	{"metrics":["arc_easy/acc"],"labels":["doc.topic"],"items":2}
//
// and then an item a line: ["<key>",1,"geology"].
const MediaType = "application/vnd.stagegate.eval.samples.v1+jsonl"

// header begins a table.
type header struct {
	Metrics []string `json:"metrics"`
	Labels  []string `json:"labels"`
	Items   int      `json:"items"`
}

// Encode writes sealed tables. Equal tables give equal bytes.
func Encode(w io.Writer, tables []*Table) error {
	out := bufio.NewWriterSize(w, 64<<10)
	for _, t := range tables {
		head, err := json.Marshal(header{Metrics: t.Metrics, Labels: append([]string{}, t.Labels...), Items: t.Len()})
		if err != nil {
			return fmt.Errorf("encode a table of samples: %w", err)
		}
		quoted := make([][]byte, len(t.texts))
		for i, text := range t.texts {
			if quoted[i], err = json.Marshal(text); err != nil {
				return fmt.Errorf("encode a label: %w", err)
			}
		}
		_, _ = out.Write(append(head, '\n')) // Flush says what went wrong
		var row []byte
		for i, key := range t.keys {
			row = append(append(append(row[:0], `["`...), key.String()...), '"')
			for _, column := range t.values {
				row = strconv.AppendFloat(append(row, ','), column[i], 'g', -1, 64)
			}
			for _, column := range t.labels {
				row = append(append(row, ','), quoted[column[i]]...)
			}
			_, _ = out.Write(append(row, "]\n"...))
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	return nil
}

// Decode reads what Encode has written.
func Decode(r io.Reader) ([]*Table, error) {
	d := decoder{limit: NewLimit()}
	err := document.Lines(r, func(_ int, v document.Value) error {
		if v.Kind() == document.Object {
			return d.begin(v)
		}
		return d.item(v)
	})
	if err == nil && d.left > 0 {
		err = fmt.Errorf("it ends %d items too early", d.left)
	}
	if err != nil {
		return nil, err
	}
	for _, t := range d.tables {
		t.Seal()
	}
	return d.tables, nil
}

type decoder struct {
	tables []*Table
	limit  *Limit
	left   int // items that the open table lacks
}

func (d *decoder) begin(v document.Value) error {
	var h header
	if err := json.Unmarshal(v.Raw(), &h); err != nil {
		return v.Errorf("it does not begin a table of samples: %v", err)
	}
	if d.left > 0 {
		return v.Errorf("a table begins before the one before it has ended")
	}
	t, err := NewTable(h.Metrics, h.Labels, d.limit)
	if err != nil {
		return v.Errorf("%v", err)
	}
	d.tables, d.left = append(d.tables, t), h.Items
	return nil
}

func (d *decoder) item(v document.Value) error {
	if d.left <= 0 {
		return v.Errorf("an item belongs to no table")
	}
	d.left--
	t := d.tables[len(d.tables)-1]
	var key Key
	values, labels := make([]float64, 0, len(t.Metrics)), make([]string, 0, len(t.Labels))
	for i, e := range v.Elements() {
		var err error
		switch {
		case i > 0 && i <= len(t.Metrics):
			var f float64
			f, err = e.Float()
			values = append(values, f)
		default:
			var text string
			if text, err = e.Text(); err == nil && i == 0 {
				key, err = parseKey(text)
			} else {
				labels = append(labels, text)
			}
		}
		if err != nil {
			return err
		}
	}
	if len(values) != len(t.Metrics) || len(labels) != len(t.Labels) {
		return v.Errorf("it has %d values and %d labels; its table has %d and %d", len(values), len(labels), len(t.Metrics), len(t.Labels))
	}
	return t.Add(key, values, labels)
}
