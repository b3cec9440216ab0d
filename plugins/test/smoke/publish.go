package smoke

import (
	"context"

	"github.com/stagegate/stagegate/plugins/test/report"
	"github.com/stagegate/stagegate/plugins/test/shelf"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// publish keeps the report and its page, and states the result.
func publish(ctx context.Context, req sdk.Request, r report.Report, out *sdk.Emitter) (_ sdk.Outputs, err error) {
	s, err := shelf.Open(req, out)
	if err != nil {
		return nil, err
	}
	defer s.Close(&err)
	values := make(map[string]cty.Value, len(r.Metrics))
	for _, m := range r.Metrics {
		values[m.Name] = cty.NumberFloatVal(m.Value)
	}
	outputs := sdk.Outputs{"metrics": cty.MapVal(values), "verdict": cty.StringVal(string(r.Verdict))}
	data, err := r.JSON()
	if err != nil {
		return nil, err
	}
	a, err := s.Put(ctx, shelf.Bytes("smoke.json", report.MediaType, data))
	if err != nil {
		return nil, err
	}
	if a.Location != "" { // the runner keeps it
		outputs["report"] = a.Value()
	}
	kept := &report.Blob{Digest: a.Digest, Size: a.Size, MediaType: a.MediaType}
	page, err := r.Page(nil)
	if err != nil {
		return nil, err
	}
	if a, err = s.Put(ctx, shelf.Bytes("smoke.html", "text/html; charset=utf-8", page)); err != nil {
		return nil, err
	}
	if a.Location != "" {
		outputs["page"] = a.Value()
	}
	if r.Artifact.Digest == "" {
		return outputs, nil
	}
	attestation, digest, err := r.Attest(req.Attempt.Source, kept)
	if err != nil {
		return nil, err
	}
	out.Attestation(attestation)
	outputs["report_digest"] = cty.StringVal(digest)
	return outputs, nil
}
