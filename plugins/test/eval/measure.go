package eval

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/metrics"
	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/plugins/test/program"
	"github.com/stagegate/stagegate/sdk"
)

// measure runs the command and reads what it measured.
func measure(ctx context.Context, req sdk.Request, artifact sdk.Artifact, labels []string, out *sdk.Emitter) (_ *evaluation.Evaluation, err error) {
	env := map[string]string{
		"RUNNER_ARTIFACT_DIGEST":   artifact.Digest,
		"RUNNER_ARTIFACT_LOCATION": artifact.Location,
	}
	var results, samples watches
	defer func() { err = errors.Join(err, results.close(), samples.close()) }()
	if req.Config.Set("metrics_file") {
		if err := results.begin(req.Attempt.WorkDir, []string{req.Config.String("metrics_file")}); err != nil {
			return nil, unreadable(req.Config.String("metrics_file"), err)
		}
	}
	if err := samples.begin(req.Attempt.WorkDir, req.Config.Strings("samples")); err != nil {
		return nil, unreadable("the samples", err)
	}
	var tail metrics.Tail
	if err := run(ctx, req, env, io.MultiWriter(out.Stdout(), &tail), out.Stderr()); err != nil {
		return nil, err
	}
	s := source{format: req.Config.String("format"), labels: labels}
	if s.samples, err = samples.files(ctx); err != nil {
		return nil, unreadable("the samples", err)
	}
	if len(results) == 0 {
		object, err := tail.Object()
		if err != nil {
			return nil, unreadable("the command's output", err)
		}
		return s.parse("the command's output", object)
	}
	if s.results, err = results.files(ctx); err != nil {
		return nil, unreadable(req.Config.String("metrics_file"), err)
	}
	return s.read(ctx)
}

// run is nil when the command ended well. What a command that failed has
// printed is no measurement.
func run(ctx context.Context, req sdk.Request, env map[string]string, stdout, stderr io.Writer) error {
	exit, err := program.Run(ctx, req, env, stdout, stderr)
	if err != nil {
		return err
	}
	if exit.Signal == "" && slices.Contains(codes(req.Config), exit.Code) {
		return nil
	}
	if f := program.Failed(exit); f != nil {
		return f
	}
	return &sdk.Failure{
		Summary: "The command ended with exit code 0, which exit_codes does not name", Class: "command_failed",
		Detail: "Add 0 to exit_codes if that is well.",
	}
}

// watches follow several patterns.
type watches []*produced.Watch

// begin remembers what is there before the command runs.
func (w *watches) begin(dir string, patterns []string) error {
	return w.open(dir, patterns, produced.Begin)
}

// existing takes what is there.
func (w *watches) existing(dir string, patterns []string) error {
	return w.open(dir, patterns, produced.Existing)
}

func (w *watches) open(dir string, patterns []string, how func(dir, pattern string) (*produced.Watch, error)) error {
	for _, pattern := range patterns {
		one, err := how(dir, pattern)
		if err != nil {
			return fmt.Errorf("%s: %w", pattern, err)
		}
		*w = append(*w, one)
	}
	return nil
}

// files are those that every pattern has matched, each once. They end when ctx
// does: reading a million rows takes seconds.
func (w watches) files(ctx context.Context) ([]evaluation.File, error) {
	var found []evaluation.File
	seen := make(map[string]bool)
	for _, one := range w {
		names, err := one.Files()
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if !seen[name] {
				seen[name] = true
				found = append(found, evaluation.File{Name: name, Open: func() (io.ReadCloser, error) {
					f, err := one.Open(name)
					return while{ctx, f}, err
				}})
			}
		}
	}
	return found, nil
}

func (w watches) close() error {
	var err error
	for _, one := range w {
		err = errors.Join(err, one.Close())
	}
	return err
}

// while reads a file until its context ends.
type while struct {
	ctx context.Context // bounds the reading, and nothing else
	*os.File
}

// Read is an error once the context has ended.
func (w while) Read(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.File.Read(p)
}
