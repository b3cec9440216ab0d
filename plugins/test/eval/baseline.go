package eval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/document"
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
	if s.results, err = results.files(ctx); err != nil {
		return released{}, err
	}
	if s.samples, err = samples.files(ctx); err != nil {
		return released{}, fmt.Errorf("its samples: %w", notMissing(err))
	}
	if r, err := s.report(); r != nil || err != nil {
		return s.released(r, err, block.String("digest"))
	}
	if block.Set("digest") {
		return released{}, fmt.Errorf("%s does not say which model it is about; only an evaluation.json does", s.results[0].Name)
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
	found, err := releasedBy(r, digest)
	if err == nil && r.Samples != nil {
		if found.evaluation.Tables, err = storedSamples(ctx, host, r.Samples.Digest); err != nil {
			err = fmt.Errorf("its samples: %w", err)
		}
	}
	return found, err
}

// releasedBy is what a report says, without its items.
func releasedBy(r *report.Report, digest string) (released, error) {
	if digest != "" && r.Artifact.Digest != digest {
		return released{}, fmt.Errorf("the report is about %s, and the released model is %s", r.Artifact.Digest, digest)
	}
	e, err := r.Evaluation()
	return released{evaluation: e, subject: &report.Subject{Name: r.Artifact.Name, Release: r.Release, Digest: r.Artifact.Digest}}, err
}

// report is the one file of the source when it is a report of ours, whatever
// the format; otherwise nil.
func (s source) report() (*report.Report, error) {
	if len(s.results) != 1 {
		return nil, nil //nolint:nilnil // there is none, and nothing is wrong
	}
	data, err := readAll(s.results[0], report.MaxBytes)
	if err != nil {
		return nil, err
	}
	v, err := document.Parse(data)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // whoever reads it as something else says so
	}
	if _, ok := v.Get("schema"); !ok {
		return nil, nil //nolint:nilnil // the same
	}
	return report.Read(data)
}

// released is a report with the items of the one file of samples, which must be
// those that the report is about.
func (s source) released(r *report.Report, err error, digest string) (released, error) {
	if err != nil {
		return released{}, fmt.Errorf("read %s: %w", s.results[0].Name, err)
	}
	found, err := releasedBy(r, digest)
	if err != nil || len(s.samples) == 0 {
		return found, err
	}
	if len(s.samples) > 1 || r.Samples == nil {
		return found, fmt.Errorf("%s has one file of samples beside it at most: samples.jsonl", s.results[0].Name)
	}
	found.evaluation.Tables, err = samplesOf(s.samples[0], r.Samples.Digest)
	return found, err
}

func samplesOf(f evaluation.File, digest string) (_ []*sample.Table, err error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	sum := sha256.New()
	tables, err := sample.Decode(io.TeeReader(in, sum))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name, err)
	}
	if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); got != digest {
		return nil, fmt.Errorf("%s is not the file that the report was written with: its digest is %s", f.Name, got)
	}
	return tables, nil
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
