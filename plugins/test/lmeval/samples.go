package lmeval

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/document"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/sample"
)

// samples reads the files of items, one row at a time.
func (r *reader) samples(files []evaluation.File, labels []string) error {
	limit := sample.NewLimit()
	for _, f := range files {
		name, err := r.taskOf(f.Name)
		if err != nil {
			return err
		}
		t := r.tasks[name]
		if t.sampled != "" {
			return fmt.Errorf("read %s: %s has samples of the task %q already; give the files of one run", f.Name, t.sampled, name)
		}
		t.sampled = f.Name
		s := sampler{task: name, measures: t.measures, labels: labels, limit: limit, tables: make(map[string]*sample.Table)}
		if err := s.read(f); err != nil {
			return fmt.Errorf("read %s: %w", f.Name, err)
		}
		for _, table := range s.order {
			table.Seal()
			r.eval.Tables = append(r.eval.Tables, table)
		}
	}
	return nil
}

// taskOf finds the task in a name such as samples_arc_easy_2026-01-31T10-00-00.jsonl.
// Names of tasks may begin with those of others: the longest that fits is meant.
func (r *reader) taskOf(file string) (string, error) {
	base := strings.TrimSuffix(path.Base(file), ".jsonl")
	rest, ok := strings.CutPrefix(base, "samples_")
	if !ok {
		return "", fmt.Errorf("read %s: a file of samples is named samples_<task>_<date>.jsonl", file)
	}
	best := ""
	for _, name := range r.order {
		fits := rest == name || strings.HasPrefix(rest, name+"_")
		if fits && len(name) > len(best) {
			best = name
		}
	}
	if best == "" {
		return "", fmt.Errorf("read %s: the results have no task of that name; give the samples of the same run", file)
	}
	return best, nil
}

// sampler reads the samples of one task, which has a row for each filter.
type sampler struct {
	task     string
	measures []measure
	labels   []string
	limit    *sample.Limit
	tables   map[string]*sample.Table // by filter
	fields   map[string][]string      // metrics of each table, as rows name them
	order    []*sample.Table
	values   []float64
}

func (s *sampler) read(f evaluation.File) (err error) {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	s.fields = make(map[string][]string)
	return document.Lines(in, func(_ int, row document.Value) error { return s.row(row) })
}

func (s *sampler) row(row document.Value) error {
	if row.Kind() != document.Object {
		return row.Errorf("it is %s; a sample is an object", row.Kind())
	}
	filter := "none"
	if v, ok := row.Get("filter"); ok && v.Kind() == document.Text {
		filter, _ = v.Text()
	}
	table, ok := s.tables[filter]
	if !ok {
		var err error
		if table, err = s.begin(filter, row); err != nil {
			return err
		}
	}
	hash, ok := row.Get("doc_hash")
	if !ok {
		return row.Missing("doc_hash")
	}
	document, err := hash.Text()
	if err != nil {
		return err
	}
	s.values = s.values[:0]
	for _, field := range s.fields[filter] {
		v, ok := row.Get(field)
		if !ok {
			return row.Missing(field)
		}
		f, err := v.Measure()
		if err != nil {
			return err
		}
		s.values = append(s.values, f)
	}
	texts, err := evaluation.Labels(row, s.labels)
	if err != nil {
		return err
	}
	return table.Add(sample.KeyOf(s.task, filter, document), s.values, texts)
}

// begin takes those metrics of the filter for measured item by item that the
// first row has a number for. Others, such as perplexity, are computed from all
// items together; rows hold what goes into them as lists.
func (s *sampler) begin(filter string, row document.Value) (*sample.Table, error) {
	var fields, names []string
	known := false
	for _, m := range s.measures {
		if m.filter != filter {
			continue
		}
		known = true
		if v, ok := row.Get(m.metric); ok && (v.Kind() == document.Number || v.Kind() == document.Bool) {
			fields, names = append(fields, m.metric), append(names, metricName(s.task, m.metric, filter))
		}
	}
	if !known {
		return nil, row.Errorf("the results have no metric with the filter %.40q", filter)
	}
	table, err := sample.NewTable(names, s.labels, s.limit)
	if err != nil {
		return nil, err
	}
	s.tables[filter], s.fields[filter] = table, fields
	s.order = append(s.order, table)
	return table, nil
}
