package eval

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/junit"
	"github.com/stagegate/stagegate/plugins/test/lmeval"
	"github.com/stagegate/stagegate/plugins/test/metrics"
	"github.com/stagegate/stagegate/plugins/test/promptfoo"
)

// source is where an evaluation is read from, the candidate's as well as the
// baseline's.
type source struct {
	format           string
	results, samples []evaluation.File
	labels           []string
}

// read reads an evaluation in the source's format.
func (s source) read(ctx context.Context) (*evaluation.Evaluation, error) {
	if s.format == formatJUnit {
		return s.junit(ctx)
	}
	if len(s.results) != 1 {
		return nil, unreadable(s.results[0].Name, fmt.Errorf("%d files match, and only one can hold the metrics", len(s.results)))
	}
	file := s.results[0]
	var e *evaluation.Evaluation
	var err error
	switch s.format {
	case formatLMEval:
		e, err = lmeval.Read(file, s.samples, s.labels)
	case formatPromptfoo:
		e, err = promptfoo.Read(file, s.labels)
	default:
		data, err := readAll(file, metrics.MaxBytes)
		if err != nil {
			return nil, unreadable(file.Name, err)
		}
		return s.parse(file.Name, data)
	}
	if err != nil {
		return nil, unreadable(file.Name, err)
	}
	return e, nil
}

// parse reads our own metrics, and the one file of their items.
func (s source) parse(where string, data []byte) (*evaluation.Evaluation, error) {
	measured, err := metrics.Parse(data)
	if err != nil {
		return nil, unreadable(where, err)
	}
	e := &evaluation.Evaluation{}
	for _, m := range measured {
		if err := e.Add(evaluation.Metric{Name: m.Name, Value: m.Value, Unit: m.Unit, Samples: m.Samples}); err != nil {
			return nil, unreadable(where, err)
		}
	}
	switch len(s.samples) {
	case 0:
		return e, nil
	case 1:
	default:
		return nil, unreadable("the samples", fmt.Errorf("%d files match, and only one can hold the items", len(s.samples)))
	}
	table, err := metrics.Rows(s.samples[0], measured, s.labels)
	if err != nil {
		return nil, unreadable("the samples", err)
	}
	e.Tables = append(e.Tables, table)
	return e, nil
}

func (s source) junit(ctx context.Context) (*evaluation.Evaluation, error) {
	var report junit.Report
	for _, f := range s.results {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		in, err := f.Open()
		if err == nil {
			err = errors.Join(report.Read(in), in.Close())
		}
		if err != nil {
			return nil, unreadable(f.Name, err)
		}
	}
	e, err := report.Evaluation(s.labels)
	if err != nil {
		return nil, unreadable(s.results[0].Name, err)
	}
	return e, nil
}

// readAll reads a file and one byte more than its bound, so that whoever parses
// it can say that it is too large.
func readAll(f evaluation.File, most int64) (_ []byte, err error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return io.ReadAll(io.LimitReader(in, most+1))
}
