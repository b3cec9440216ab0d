package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/stagegate/stagegate/plugins/internal/container"
	"github.com/stagegate/stagegate/plugins/test/cases"
	"github.com/stagegate/stagegate/plugins/test/junit"
	"github.com/stagegate/stagegate/plugins/test/metrics"
	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/plugins/test/program"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/process"
)

// Test runs the command in a container that is gone when it returns.
func (Component) Test(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	job := container.Job{Request: req, Writable: container.Out}
	if artifact, ok := req.Config.Artifact("artifact"); ok {
		job.Env = map[string]string{"RUNNER_ARTIFACT_DIGEST": artifact.Digest}
	}
	box, err := container.Open(ctx, job, out)
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	defer box.Close(ctx)
	exit, err := box.Run(ctx)
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	return judged(ctx, req, box, exit, out)
}

// judged weighs what the command has left.
func judged(ctx context.Context, req sdk.Request, box *container.Box, exit process.Exit, out *sdk.Emitter) (_ sdk.Outputs, _ sdk.TestReport, err error) {
	root, err := os.OpenRoot(req.Attempt.ScratchDir)
	if err != nil {
		return nil, sdk.TestReport{}, fmt.Errorf("open scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	ended := box.Failed(program.Failed(exit))
	outputs, report := sdk.Outputs{}, sdk.TestReport{}
	if req.Config.Set("junit") {
		var found junit.Report
		readErr := readCases(ctx, req, box, root, &found)
		if ctx.Err() != nil {
			return nil, report, context.Cause(ctx)
		}
		outputs, report.Cases = cases.Outputs(&found), found.Cases
		where := cases.Place{Pattern: req.Config.String("junit"), Start: container.Out}
		if err := cases.Verdict(where, ended, &found, readErr); err != nil {
			return outputs, report, err
		}
	}
	if ended != nil {
		return outputs, report, ended
	}
	if !req.Config.Set("metrics_file") {
		return outputs, report, nil
	}
	data, err := readMetrics(ctx, req, box, root)
	if err != nil {
		return outputs, report, err
	}
	return measured(req, data, outputs, report, out)
}

// readCases fetches the reports and reads them.
func readCases(ctx context.Context, req sdk.Request, box *container.Box, root *os.Root, into *junit.Report) error {
	files, err := fetch(ctx, box, root, "junit", req.Config.String("junit"), junit.MaxBytes)
	if err != nil {
		return err
	}
	return errors.Join(cases.Read(ctx, files, into), files.Close())
}

// readMetrics is the content of the file with the metrics.
func readMetrics(ctx context.Context, req sdk.Request, box *container.Box, root *os.Root) ([]byte, error) {
	files, err := fetch(ctx, box, root, "metrics", req.Config.String("metrics_file"), metrics.MaxBytes)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, unreadable(req, err)
	}
	data, err := only(files)
	if err := errors.Join(err, files.Close()); err != nil {
		return nil, unreadable(req, err)
	}
	return data, nil
}

// only is the content of the one file that there is.
func only(files *produced.Watch) ([]byte, error) {
	names, err := files.Files()
	if err != nil {
		return nil, err
	}
	f, err := files.Open(names[0])
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

// fetch copies what a path or glob means into a folder of its own. Close what it
// returns.
func fetch(ctx context.Context, box *container.Box, root *os.Root, folder, pattern string, most int64) (*produced.Watch, error) {
	local, err := produced.Local(container.Out, pattern)
	if err != nil {
		return nil, err
	}
	if err := root.Mkdir(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	into, err := root.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	err = box.Fetch(ctx, local, into, most)
	if err := errors.Join(err, into.Close()); err != nil {
		return nil, err
	}
	return produced.Existing(into.Name(), local)
}

func unreadable(req sdk.Request, err error) error {
	name := req.Config.String("metrics_file")
	f := &sdk.Failure{
		Summary: fmt.Sprintf("The metrics in %q cannot be read", name), Class: "metrics_invalid", Cause: err,
		Detail: `Write one JSON object of finite numbers, for example {"accuracy": 0.95}.`,
	}
	if errors.Is(err, produced.ErrNone) {
		f.Summary, f.Class = fmt.Sprintf("There are no metrics at %q", name), "metrics_missing"
		f.Detail = "The path starts in " + container.Out + ", the folder that the container can write."
	}
	return f
}
