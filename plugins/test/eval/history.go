package eval

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/document"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/plugins/test/metrics"
	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/plugins/test/report"
	"github.com/stagegate/stagegate/plugins/test/sample"
	"github.com/stagegate/stagegate/sdk"
)

// maxReleases is how many releases a trend goes through.
const maxReleases = 1_000

// pastOf reads what the releases before this one measured, the oldest first.
func pastOf(ctx context.Context, req sdk.Request) ([]judge.Past, error) {
	block, ok := req.Config.Block("history")
	if !ok {
		return nil, nil
	}
	past, err := pastFiles(ctx, req.Attempt.WorkDir, block.Strings("files"))
	if err == nil {
		var reports []judge.Past
		reports, err = pastReports(ctx, req.Host, block)
		past = append(past, reports...)
	}
	if err == nil && len(past) > maxReleases {
		err = fmt.Errorf("there are %d releases; at most %d are followed", len(past), maxReleases)
	}
	if err != nil {
		return nil, &sdk.Failure{
			Summary: "The history of releases cannot be read", Class: "history_invalid", Cause: bare(err),
			Detail: "Each file is a report of test.eval, or metrics such as {\"accuracy\": 0.95}; a .jsonl file has one of them a line.",
		}
	}
	return past, nil
}

func pastReports(ctx context.Context, host *sdk.Host, block sdk.Config) ([]judge.Past, error) {
	if !block.Set("reports") {
		return nil, nil
	}
	list, _ := block.Get("reports").UnmarkDeep()
	var past []judge.Past
	for _, v := range list.AsValueSlice() {
		if v.IsNull() {
			continue
		}
		artifact := sdk.ArtifactOf(v)
		r, err := stored(ctx, host, artifact)
		if err != nil {
			return nil, err
		}
		past = append(past, pastOfReport(r, artifact.Name))
	}
	return past, nil
}

// pastFiles reads the patterns in their order, and the files of each by name.
// No file is no history: the first release has none.
func pastFiles(ctx context.Context, dir string, patterns []string) (_ []judge.Past, err error) {
	var past []judge.Past
	for _, pattern := range patterns {
		var found watches
		defer func() { err = errors.Join(err, found.close()) }()
		if err := found.existing(dir, []string{pattern}); err != nil {
			return nil, err
		}
		files, err := found.files(ctx)
		if errors.Is(err, produced.ErrNone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(files, func(a, b evaluation.File) int { return sample.Natural(a.Name, b.Name) })
		for _, f := range files {
			releases, err := pastFile(f)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", f.Name, err)
			}
			past = append(past, releases...)
		}
	}
	return past, nil
}

func pastFile(f evaluation.File) ([]judge.Past, error) {
	data, err := readAll(f, report.MaxBytes)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.Name), ".jsonl"), ".json")
	if !strings.HasSuffix(f.Name, ".jsonl") {
		one, err := pastDocument(data, name)
		return []judge.Past{one}, err
	}
	var past []judge.Past
	err = document.Lines(bytes.NewReader(data), func(number int, v document.Value) error {
		one, err := pastDocument(v.Raw(), fmt.Sprintf("%s:%d", name, number))
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		past = append(past, one)
		return nil
	})
	return past, err
}

// pastDocument is a report, or metrics with or without the name of a release.
func pastDocument(data []byte, name string) (judge.Past, error) {
	v, err := document.Parse(data)
	if err != nil {
		return judge.Past{}, err
	}
	if _, ok := v.Get("schema"); ok {
		r, err := report.Read(data)
		if err != nil {
			return judge.Past{}, err
		}
		return pastOfReport(r, name), nil
	}
	if release, ok := v.Get("release"); ok {
		if name, err = release.Text(); err != nil {
			return judge.Past{}, err
		}
		inner, ok := v.Get("metrics")
		if !ok {
			return judge.Past{}, v.Missing("metrics")
		}
		if data = inner.Raw(); inner.Kind() == document.Array {
			data = fmt.Appendf(nil, `{"metrics": %s}`, data)
		}
	}
	measured, err := metrics.Parse(data)
	if err != nil {
		return judge.Past{}, err
	}
	past := judge.Past{Release: name, Values: make(map[string]float64, len(measured))}
	for _, m := range measured {
		past.Values[m.Name] = m.Value
	}
	return past, nil
}

func pastOfReport(r *report.Report, name string) judge.Past {
	past := judge.Past{Release: cmp.Or(r.Release, name), Values: make(map[string]float64, len(r.Metrics))}
	for _, m := range r.Metrics {
		past.Values[m.Name] = m.Value
	}
	return past
}
