package eval

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/stagegate/stagegate/plugins/test/metrics"
	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/plugins/test/program"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Test runs the evaluation, judges what it measured, and states the result
// about the artifact, a bad one as well as a good one.
func (Component) Test(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	artifact, _ := req.Config.Artifact("artifact")
	if err := checkDigest(artifact.Digest); err != nil {
		return nil, sdk.TestReport{}, &sdk.Failure{
			Summary: "The artifact has no digest", Class: "artifact_invalid", Cause: err,
			Detail: "The report is a statement about a digest. Refer to an artifact that a stage has made.",
		}
	}
	wanted, diags := thresholds(req.Config)
	if diags.HasErrors() {
		return nil, sdk.TestReport{}, &sdk.Failure{Summary: diags[0].Summary, Detail: diags[0].Detail, Class: "threshold_invalid"}
	}
	measured, err := measure(ctx, req, artifact, out)
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	values := make(map[string]cty.Value, len(measured))
	for _, m := range measured {
		out.Metric(m)
		values[m.Name] = cty.NumberFloatVal(m.Value)
	}
	report := sdk.TestReport{Metrics: measured, Thresholds: judge(wanted, measured)}
	attestation, digest, err := attest(artifact, req.Attempt.Source, report)
	if err != nil {
		return nil, report, err
	}
	out.Attestation(attestation)
	outputs := sdk.Outputs{"metrics": cty.MapVal(values), "report_digest": cty.StringVal(digest)}
	return outputs, report, missed(report.Thresholds, measured)
}

// measure runs the command and reads what it measured, from its file or from
// its output.
func measure(ctx context.Context, req sdk.Request, artifact sdk.Artifact, out *sdk.Emitter) ([]sdk.Metric, error) {
	env := map[string]string{
		"RUNNER_ARTIFACT_DIGEST":   artifact.Digest,
		"RUNNER_ARTIFACT_LOCATION": artifact.Location,
	}
	if !req.Config.Set("metrics_file") {
		var tail metrics.Tail
		if err := run(ctx, req, env, io.MultiWriter(out.Stdout(), &tail), out.Stderr()); err != nil {
			return nil, err
		}
		object, err := tail.Object()
		if err != nil {
			return nil, unreadable("the command's output", err, errors.Is(err, metrics.ErrNone))
		}
		return parse("the command's output", object)
	}
	return measureFile(ctx, req, env, out)
}

func measureFile(ctx context.Context, req sdk.Request, env map[string]string, out *sdk.Emitter) (_ []sdk.Metric, err error) {
	name := req.Config.String("metrics_file")
	files, err := produced.Begin(req.Attempt.WorkDir, name)
	if err != nil {
		return nil, unreadable(name, err, false)
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	if err := run(ctx, req, env, out.Stdout(), out.Stderr()); err != nil {
		return nil, err
	}
	data, err := readFile(files)
	if err != nil {
		return nil, unreadable(name, err, errors.Is(err, produced.ErrNone) || errors.Is(err, produced.ErrStale))
	}
	return parse(name, data)
}

// run is nil when the command ended well. What a command that failed has
// printed is no measurement.
func run(ctx context.Context, req sdk.Request, env map[string]string, stdout, stderr io.Writer) error {
	exit, err := program.Run(ctx, req, env, stdout, stderr)
	if err != nil {
		return err
	}
	if f := program.Failed(exit); f != nil {
		return f
	}
	return nil
}

func readFile(files *produced.Watch) (_ []byte, err error) {
	names, err := files.Files()
	if err != nil {
		return nil, err
	}
	if len(names) > 1 {
		return nil, fmt.Errorf("%d files match, and only one can hold the metrics", len(names))
	}
	f, err := files.Open(names[0])
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, metrics.MaxBytes+1))
}

func parse(where string, data []byte) ([]sdk.Metric, error) {
	measured, err := metrics.Parse(data)
	if err != nil {
		return nil, unreadable(where, err, false)
	}
	return measured, nil
}

func unreadable(where string, err error, missing bool) error {
	f := &sdk.Failure{
		Summary: "The metrics in " + where + " cannot be read", Class: "metrics_invalid", Cause: err,
		Detail: `Print one JSON object of finite numbers as the last thing, for example {"accuracy": 0.95}.`,
	}
	if missing {
		f.Summary, f.Class = "There are no metrics in "+where, "metrics_missing"
	}
	return f
}
