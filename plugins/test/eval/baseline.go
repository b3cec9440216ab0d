package eval

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/plugins/test/report"
	"github.com/stagegate/stagegate/plugins/test/sample"
	"github.com/stagegate/stagegate/sdk"
)

// released is the evaluation of the released model; all of it is nil where
// there is none.
type released struct {
	evaluation *evaluation.Evaluation
	subject    *report.Subject
}

// baselineOf reads the baseline before the command runs: a baseline that cannot
// be read should not cost an evaluation.
func baselineOf(ctx context.Context, req sdk.Request, r rules) (released, error) {
	block, ok := req.Config.Block("baseline")
	if !ok {
		return released{}, nil
	}
	var found released
	var err error
	switch artifact, given := block.Artifact("report"); {
	case given:
		found, err = readReport(ctx, req.Host, artifact, block.String("digest"))
	case block.Set("files"):
		found, err = readFiles(ctx, req, block)
	default:
		err = fmt.Errorf("neither report nor files are set: %w", produced.ErrNone)
	}
	switch {
	case err == nil:
		return found, nil
	case errors.Is(err, produced.ErrNone) && r.missing != "FAIL":
		return released{}, nil
	case errors.Is(err, produced.ErrNone):
		return released{}, &sdk.Failure{
			Summary: "There is no baseline", Class: "baseline_missing", Cause: errors.New("no file matches what the baseline names"),
			Detail: `Evaluate the released model and give its results. For a first release, set missing = "warn" in the baseline block.`,
		}
	}
	return released{}, &sdk.Failure{
		Summary: "The baseline cannot be read", Class: "baseline_invalid", Cause: bare(err),
		Detail: "Give the evaluation of the released model as it was written.",
	}
}

// bare is what is wrong, without the words for an evaluation of our own.
func bare(err error) error {
	if f, ok := errors.AsType[*sdk.Failure](err); ok && f.Cause != nil {
		return f.Cause
	}
	return err
}

func readFiles(ctx context.Context, req sdk.Request, block sdk.Config) (_ released, err error) {
	var results, samples watches
	defer func() { err = errors.Join(err, results.close(), samples.close()) }()
	if err := errors.Join(results.existing(req.Attempt.WorkDir, block.Strings("files")), samples.existing(req.Attempt.WorkDir, block.Strings("samples"))); err != nil {
		return released{}, err
	}
	s := source{format: req.Config.String("format")}
	if s.results, err = results.files(); err != nil {
		return released{}, err
	}
	if s.samples, err = samples.files(); err != nil {
		return released{}, fmt.Errorf("its samples: %w", notMissing(err))
	}
	e, err := s.read(ctx)
	if err != nil {
		return released{}, err
	}
	return released{evaluation: e, subject: &report.Subject{Name: s.results[0].Name}}, nil
}

// notMissing keeps samples that are not there from counting as a first release.
func notMissing(err error) error {
	if errors.Is(err, produced.ErrNone) {
		return errors.New("no file matches")
	}
	return err
}

// readReport reads a report of ours, and its items, from the runner's store.
func readReport(ctx context.Context, host *sdk.Host, artifact sdk.Artifact, digest string) (released, error) {
	r, err := stored(ctx, host, artifact)
	if err != nil {
		return released{}, err
	}
	if digest != "" && r.Artifact.Digest != digest {
		return released{}, fmt.Errorf("the report is about %s, and the released model is %s", r.Artifact.Digest, digest)
	}
	e, err := r.Evaluation()
	if err != nil {
		return released{}, err
	}
	if r.Samples != nil {
		if e.Tables, err = storedSamples(ctx, host, r.Samples.Digest); err != nil {
			return released{}, fmt.Errorf("its samples: %w", err)
		}
	}
	return released{evaluation: e, subject: &report.Subject{Name: r.Artifact.Name, Release: r.Release, Digest: r.Artifact.Digest}}, nil
}

func stored(ctx context.Context, host *sdk.Host, artifact sdk.Artifact) (_ *report.Report, err error) {
	if !strings.HasPrefix(artifact.Location, "blob:") {
		return nil, fmt.Errorf("the artifact %q is at %.80q; a report is a blob of this runner", artifact.Name, artifact.Location)
	}
	in, err := host.ReadBlob(ctx, artifact.Digest, 0, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	data, err := io.ReadAll(io.LimitReader(in, report.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	return report.Read(data)
}

func storedSamples(ctx context.Context, host *sdk.Host, digest string) (_ []*sample.Table, err error) {
	in, err := host.ReadBlob(ctx, digest, 0, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return sample.Decode(in)
}
