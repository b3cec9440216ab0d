package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/process"
	"github.com/zclconf/go-cty/cty"
)

// Build runs the command, and stores its outputs when it says that all is well.
func (Builder) Build(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	outputs, diags := declared(req.Attempt.WorkDir, req.Config.Get("outputs"))
	validateCommand(&diags, req.Config)
	if diags.HasErrors() {
		return nil, &sdk.Failure{Summary: "the configuration cannot be used", Detail: diags.Error(), Class: "bad_configuration"}
	}
	tree, err := workspace.Open(req.Attempt.WorkDir)
	if err != nil {
		return nil, err
	}
	stored, err := build(ctx, tree, req, outputs, out)
	return stored, errors.Join(err, tree.Close())
}

func build(ctx context.Context, tree *workspace.Tree, req sdk.Request, outputs []output, out *sdk.Emitter) (sdk.Outputs, error) {
	dir, err := folder(tree, req.Config.String("dir"))
	if err != nil {
		return nil, err
	}
	if err := run(ctx, dir, req, out); err != nil {
		return nil, err
	}
	artifacts := make(map[string]cty.Value, len(outputs))
	files := make(map[string]cty.Value, len(outputs))
	for _, o := range outputs {
		a, err := store(ctx, tree, req.Host, o, out)
		if err != nil {
			return nil, err
		}
		out.Artifact(a)
		out.File(sdk.ResultFile{Path: o.path})
		artifacts[o.name], files[o.name] = a.Value(), cty.StringVal(o.path)
	}
	if len(outputs) == 0 {
		return sdk.Outputs{"artifacts": cty.MapValEmpty(sdk.ArtifactType()), "files": cty.MapValEmpty(cty.String)}, nil
	}
	return sdk.Outputs{"artifacts": cty.MapVal(artifacts), "files": cty.MapVal(files)}, nil
}

// folder is where the command runs.
func folder(tree *workspace.Tree, name string) (string, error) {
	if name == "" {
		return tree.Path(), nil
	}
	sub, err := tree.Folder(name)
	if err != nil {
		return "", &sdk.Failure{Summary: "the folder to run in cannot be used", Class: "dir_unusable", Cause: err}
	}
	return sub.Path(), sub.Close()
}

func run(ctx context.Context, dir string, req sdk.Request, out *sdk.Emitter) error {
	args := req.Config.Strings("command")
	exit, err := process.Run(ctx, process.Command{
		Args: args, Dir: dir, Env: req.Config.StringMap("env"), AttemptID: req.Attempt.ID,
		Stdout: out.Stdout(), Stderr: out.Stderr(),
	})
	program := filepath.Base(args[0])
	var start *process.StartError
	switch {
	case errors.As(err, &start):
		return &sdk.Failure{
			Summary: "the command could not be started", Class: "command_not_started", Broken: true, Cause: err,
			Detail: "A name without a slash is looked for in PATH, another one in " + dir + "; the file must be executable.",
		}
	case err != nil:
		return err
	case exit.Signal != "":
		return &sdk.Failure{
			Summary: fmt.Sprintf("%s was ended by a signal (%s)", program, exit.Signal), Class: "command_failed", ExitCode: exit.Code,
			Detail: "Something outside of it ended the command; with the signal \"killed\" that is often the kernel when memory runs out.",
		}
	case exit.Code != 0:
		return &sdk.Failure{
			Summary: fmt.Sprintf("%s ended with exit code %d", program, exit.Code), Class: "command_failed", ExitCode: exit.Code,
			Detail: "What it printed last says why.",
		}
	}
	return nil
}

// store checks an output and hands it to the host.
func store(ctx context.Context, tree *workspace.Tree, host *sdk.Host, o output, out *sdk.Emitter) (sdk.Artifact, error) {
	refuse := func(class, detail string, cause error) error {
		return &sdk.Failure{Summary: fmt.Sprintf("output %s cannot become an artifact", o.name), Class: class, Detail: detail, Cause: cause}
	}
	f, info, err := tree.File(o.path)
	switch {
	case errors.Is(err, workspace.ErrOutside):
		return sdk.Artifact{}, refuse("output_outside", "An output is a file within the work folder; copy it there.", err)
	case err != nil:
		return sdk.Artifact{}, refuse("output_missing", "The command ended well without making it. Is the path right, and relative to the work folder?", err)
	case info.Size() == 0:
		return sdk.Artifact{}, refuse("output_empty", "", errors.Join(fmt.Errorf("%q is empty", o.path), f.Close()))
	}
	counted := &counter{r: f, total: info.Size(), task: "storing " + o.path, out: out}
	a, err := host.WriteBlob(ctx, counted)
	if err := errors.Join(err, f.Close()); err != nil {
		return sdk.Artifact{}, fmt.Errorf("store %q: %w", o.path, err)
	}
	a.Name, a.MediaType = o.name, mediaType(o.path)
	return a, nil
}

// counter reports how much of a file has been stored.
type counter struct {
	r           io.Reader
	task        string
	read, total int64
	out         *sdk.Emitter
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read += int64(n)
	if n > 0 {
		c.out.Progress(c.task, c.read, max(c.total, c.read), "bytes")
	}
	return n, err
}

// mediaType goes by the name alone, and by this table: the system's table
// differs from machine to machine.
func mediaType(name string) string {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json":
		return "application/json"
	case ".txt", ".log":
		return "text/plain"
	case ".csv":
		return "text/csv"
	case ".html":
		return "text/html"
	case ".xml":
		return "application/xml"
	case ".tar":
		return "application/x-tar"
	case ".gz", ".tgz":
		return "application/gzip"
	case ".zip":
		return "application/zip"
	default:
		return "application/octet-stream"
	}
}
