package eval

import (
	"context"
	"io"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/plugins/test/report"
	"github.com/stagegate/stagegate/plugins/test/sample"
	"github.com/stagegate/stagegate/plugins/test/shelf"
	"github.com/stagegate/stagegate/sdk"
)

// The names of what is kept.
const (
	reportName  = "evaluation.json"
	pageName    = "evaluation.html"
	samplesName = "samples.jsonl"
)

// kept is the report where it is kept.
type kept struct {
	report  *report.Blob
	outputs sdk.Outputs
}

// keep keeps the items, the report, and its page. The report names its items by
// their digest, so they come first.
func keep(ctx context.Context, req sdk.Request, r *report.Report, candidate *evaluation.Evaluation, past []judge.Past, out *sdk.Emitter) (_ kept, err error) {
	s, err := shelf.Open(req, out)
	if err != nil {
		return kept{}, err
	}
	defer s.Close(&err)
	k := kept{outputs: make(sdk.Outputs)}
	if len(candidate.Tables) > 0 {
		a, err := s.Put(ctx, shelf.Piece{Name: samplesName, MediaType: sample.MediaType, Write: func(w io.Writer) error { return sample.Encode(w, candidate.Tables) }})
		if err != nil {
			return k, err
		}
		r.Samples = &report.Blob{Digest: a.Digest, Size: a.Size, MediaType: a.MediaType}
	}
	data, err := r.JSON()
	if err != nil {
		return k, err
	}
	a, err := s.Put(ctx, shelf.Bytes(reportName, report.MediaType, data))
	if err != nil {
		return k, err
	}
	k.report = &report.Blob{Digest: a.Digest, Size: a.Size, MediaType: a.MediaType}
	k.output("report", a)
	page, err := r.Page(past)
	if err != nil {
		return k, err
	}
	if a, err = s.Put(ctx, shelf.Bytes(pageName, "text/html; charset=utf-8", page)); err != nil {
		return k, err
	}
	k.output("page", a)
	return k, nil
}

// output is null where the runner keeps nothing.
func (k *kept) output(name string, a sdk.Artifact) {
	if a.Location != "" {
		k.outputs[name] = a.Value()
	}
}
