package lmeval

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/document"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
)

// maxResults is the largest results file: configurations are a part of it.
const maxResults = 64 << 20

// reader puts the files of one run together.
type reader struct {
	eval  evaluation.Evaluation
	tasks map[string]*task
	order []string // of the tasks, as they come
}

// task is what the results say about one task or group.
type task struct {
	setup    map[string]string
	better   map[string]evaluation.Direction // by metric
	subtasks []string
	measures []measure
	sampled  string // the file that its samples came from
}

// measure is one number of a task.
type measure struct {
	metric, filter string
	value          document.Value
	stdErr         *float64
	samples        int64
}

// Read reads one run: its results and, when there are any, its samples. Labels
// are paths in a row of samples, such as "doc.subject".
func Read(results evaluation.File, samples []evaluation.File, labels []string) (*evaluation.Evaluation, error) {
	r := &reader{tasks: make(map[string]*task)}
	text, err := readAll(results)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", results.Name, err)
	}
	root, err := document.Parse(text)
	if err == nil {
		err = r.results(root)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", results.Name, err)
	}
	if err := r.samples(samples, labels); err != nil {
		return nil, err
	}
	if len(r.eval.Metrics) == 0 && len(r.eval.Unusable) == 0 {
		return nil, fmt.Errorf("read %s: it holds no metric", results.Name)
	}
	return &r.eval, nil
}

func readAll(f evaluation.File) (_ []byte, err error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	text, err := io.ReadAll(io.LimitReader(in, maxResults+1))
	if err == nil && len(text) > maxResults {
		err = fmt.Errorf("it is larger than %d MiB", maxResults>>20)
	}
	return text, err
}

func (r *reader) results(root document.Value) error {
	results, ok := root.Get("results")
	if !ok {
		return root.Missing("results")
	}
	if results.Kind() != document.Object {
		return results.Errorf("it is %s, not an object of tasks", results.Kind())
	}
	for name, found := range results.Members() {
		t := &task{setup: setup(root, name), better: better(root, name), subtasks: subtasks(root, name)}
		r.tasks[name], r.order = t, append(r.order, name)
		if err := t.read(found, samplesOf(root, name)); err != nil {
			return err
		}
	}
	for _, name := range r.order {
		if err := r.publish(name, r.tasks[name]); err != nil {
			return results.Errorf("%v", err)
		}
	}
	return nil
}

// read finds the measures among what else stands with a task. Their keys are
// "metric,filter"; before version 0.4 they were the metric alone.
func (t *task) read(found document.Value, samples int64) error {
	if found.Kind() != document.Object {
		return found.Errorf("it is %s, not an object of metrics", found.Kind())
	}
	for key, v := range found.Members() {
		metric, filter, filtered := strings.Cut(key, ",")
		if strings.TrimSpace(metric) == "" || strings.HasSuffix(metric, "_stderr") {
			continue
		}
		if !filtered {
			if v.Kind() != document.Number || metric == "sample_len" || metric == "sample_count" {
				continue
			}
			filter = "none"
		}
		m := measure{metric: metric, filter: filter, value: v, samples: samples}
		stdErr, ok := found.Get(strings.Replace(key, metric, metric+"_stderr", 1))
		if ok && stdErr.Kind() == document.Number { // otherwise "N/A": the metric has none
			if f, err := stdErr.Float(); err == nil && f >= 0 {
				m.stdErr = &f
			}
		}
		t.measures = append(t.measures, m)
	}
	return nil
}

// publish makes metrics of a task's measures.
func (r *reader) publish(name string, t *task) error {
	for _, m := range t.measures {
		full := metricName(name, m.metric, m.filter)
		value, err := m.value.Float()
		if err != nil {
			r.eval.Refuse(full, err)
			continue
		}
		err = r.eval.Add(evaluation.Metric{
			Name: full, Value: value, Samples: m.samples, StdErr: m.stdErr, Better: t.better[m.metric],
			Setup: t.setup, Parts: r.parts(name, m.metric, m.filter),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// parts are the metrics of the tasks that a group is made of, however deep, and
// each of them once.
func (r *reader) parts(name, metric, filter string) []string {
	var all []string
	seen := make(map[string]bool)
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		t := r.tasks[name]
		if t == nil || len(t.subtasks) == 0 {
			all = append(all, metricName(name, metric, filter))
			return
		}
		for _, sub := range t.subtasks {
			visit(sub)
		}
	}
	visit(name)
	return all
}

func metricName(task, metric, filter string) string {
	if filter == "none" {
		return task + "/" + metric
	}
	return task + "/" + metric + "," + filter
}
