package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/plugins/test/report"
	"github.com/stagegate/stagegate/plugins/test/sample"
	"github.com/stagegate/stagegate/sdk"
)

// kept is the report where it is kept.
type kept struct {
	report  *report.Blob
	outputs sdk.Outputs
}

// keep stores the items, the report, and its page with the runner. A runner
// without a store is no reason to lose a verdict.
func keep(ctx context.Context, host *sdk.Host, r *report.Report, candidate *evaluation.Evaluation, past []judge.Past, out *sdk.Emitter) (kept, error) {
	k := kept{outputs: make(sdk.Outputs)}
	if len(candidate.Tables) > 0 {
		a, err := storeSamples(ctx, host, candidate.Tables)
		if errors.Is(err, sdk.ErrNoHost) {
			return k, nil
		}
		if err != nil {
			return k, err
		}
		r.Samples = &report.Blob{Digest: a.Digest, Size: a.Size, MediaType: a.MediaType}
		out.Artifact(a)
	}
	data, err := r.JSON()
	if err != nil {
		return k, err
	}
	a, err := store(ctx, host, "evaluation.json", report.MediaType, data)
	if errors.Is(err, sdk.ErrNoHost) {
		return k, nil
	}
	if err != nil {
		return k, err
	}
	out.Artifact(a)
	k.report = &report.Blob{Digest: a.Digest, Size: a.Size, MediaType: a.MediaType}
	k.outputs["report"] = a.Value()
	page, err := r.Page(past)
	if err != nil {
		return k, err
	}
	if a, err = store(ctx, host, "evaluation.html", "text/html; charset=utf-8", page); err != nil {
		return k, err
	}
	out.Artifact(a)
	k.outputs["page"] = a.Value()
	return k, nil
}

func store(ctx context.Context, host *sdk.Host, name, mediaType string, data []byte) (sdk.Artifact, error) {
	a, err := host.WriteBlob(ctx, bytes.NewReader(data))
	if err != nil {
		return a, fmt.Errorf("keep %s: %w", name, err)
	}
	a.Name, a.MediaType = name, mediaType
	return a, nil
}

// storeSamples streams: a million items are not held a second time.
func storeSamples(ctx context.Context, host *sdk.Host, tables []*sample.Table) (sdk.Artifact, error) {
	if host == nil {
		return sdk.Artifact{}, sdk.ErrNoHost
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.CloseWithError(sample.Encode(w, tables)) // the reader sees it
	}()
	a, err := host.WriteBlob(ctx, r)
	_ = r.Close() // ends the writer, whatever happened
	<-done
	if err != nil {
		return a, fmt.Errorf("keep the samples: %w", err)
	}
	a.Name, a.MediaType = "samples.jsonl", sample.MediaType
	return a, nil
}
