package fake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// step is the builder fake.step.
type step struct{}

// Schema is constant.
func (step) Schema() sdk.Schema {
	attributes := []sdk.Attribute{{Name: "artifact", Type: sdk.ArtifactType()}}
	for _, name := range []string{"started", "stdout", "stderr", "secret", "escape", "wait_for", "fault", "fail", "content", "value"} {
		attributes = append(attributes, sdk.Attribute{Name: name, Type: cty.String})
	}
	for _, name := range []string{"emit_bytes", "fail_times"} {
		attributes = append(attributes, sdk.Attribute{Name: name, Type: cty.Number})
	}
	attributes = append(attributes,
		sdk.Attribute{Name: "inputs", Type: cty.List(cty.String)},
		sdk.Attribute{Name: "file", Type: cty.String},
		sdk.Attribute{Name: "shared", Type: cty.Bool},
	)
	return sdk.Schema{
		Name: "step", Description: "Does what its arguments say.", Effect: sdk.EffectPure,
		Config: sdk.Block{Attributes: attributes},
		Outputs: []sdk.Attribute{
			{Name: "value", Type: cty.String},
			{Name: "artifact", Type: sdk.ArtifactType()},
		},
	}
}

// Validate refuses the faults that it does not know.
func (step) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	var diags sdk.Diagnostics
	switch fault := req.Config.String("fault"); fault {
	case "", "crash", "kill", "panic", "hang", "freeze":
	default:
		diags.AddError(sdk.At(sdk.Attr("fault")), "Unknown fault", fmt.Sprintf("There is no fault %q: use crash, kill, panic, hang or freeze.", fault))
	}
	return diags
}

// Inputs are complete when they are given.
func (step) Inputs(_ context.Context, req sdk.ValidateRequest) sdk.Inputs {
	if !req.Config.Set("inputs") {
		return sdk.Inputs{Reason: "the fake has no inputs"}
	}
	return sdk.Inputs{Complete: true, Files: req.Config.Strings("inputs")}
}

// Attach keeps nothing, and says where it would.
func (step) Attach(_ context.Context, req sdk.AttachRequest) (string, error) {
	place, ok := strings.CutPrefix(req.Artifact.Location, "fake:")
	switch {
	case !ok:
		return "", nil
	case place == "full":
		return "", &sdk.Failure{Summary: "the shelf is full", Class: "fake_full", Transient: true}
	}
	return place + " " + string(req.Envelope), nil
}

// Build runs the script.
func (step) Build(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	c := req.Config
	if path := c.String("started"); path != "" {
		if err := announce(path, os.Getpid()); err != nil {
			return nil, err
		}
	}
	if err := write(ctx, req, out); err != nil {
		return nil, err
	}
	if path := c.String("escape"); path != "" {
		if err := startEscape(path, req.Attempt.ID); err != nil {
			return nil, err
		}
	}
	if path := c.String("wait_for"); path != "" {
		if err := await(ctx, path); err != nil {
			return nil, err
		}
	}
	misbehave(c.String("fault"))
	if n := c.Int("fail_times", 0); int64(req.Attempt.Number) <= n {
		return nil, &sdk.Failure{Summary: fmt.Sprintf("attempt %d of %d that fail", req.Attempt.Number, n), Class: "fake_transient", Transient: true}
	}
	if text := c.String("fail"); text != "" {
		return nil, &sdk.Failure{Summary: text, Class: "fake_failure", ExitCode: 1}
	}
	return produce(ctx, req, out)
}

func write(ctx context.Context, req sdk.Request, out *sdk.Emitter) error {
	c := req.Config
	_, _ = out.Stdout().Write([]byte(c.String("stdout")))
	_, _ = out.Stderr().Write([]byte(c.String("stderr")))
	line := []byte(strings.Repeat("x", 99) + "\n")
	block := bytes.Repeat(line, 320)
	for left := c.Int("emit_bytes", 0); left > 0 && ctx.Err() == nil; {
		n := min(left, int64(len(block)))
		_, _ = out.Stdout().Write(block[:n])
		left -= n
	}
	if name := c.String("secret"); name != "" {
		value, err := req.Host.ResolveSecret(ctx, name)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out.Stdout(), "the secret is %s\n", value)
	}
	return context.Cause(ctx)
}

func produce(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	outputs := sdk.Outputs{}
	if req.Config.Set("value") {
		outputs["value"] = cty.StringVal(req.Config.String("value"))
	}
	if name := req.Config.String("file"); name != "" {
		path := filepath.Join(req.Attempt.WorkDir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(req.Config.String("content")), 0o644)); err != nil { //nolint:gosec // a file of the work folder
			return nil, err
		}
		out.File(sdk.ResultFile{Path: name, Shared: req.Config.Bool("shared")})
	}
	if req.Config.Set("content") {
		artifact, err := req.Host.WriteBlob(ctx, strings.NewReader(req.Config.String("content")))
		if err != nil {
			return nil, err
		}
		artifact.Name, artifact.MediaType = "content", "text/plain"
		out.Artifact(artifact)
		outputs["artifact"] = artifact.Value()
	}
	return outputs, nil
}

// misbehave does not come back. A signal to the own process may reach this
// thread a moment later, so that it is waited for.
func misbehave(fault string) {
	switch fault {
	case "crash":
		// To the descriptor: go-plugin has put a pipe in the place of os.Stderr,
		// and what is in it dies with the process.
		_, _ = syscall.Write(2, []byte("last words of the fake\n"))
		os.Exit(3)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "panic":
		panic("the fake was told to")
	case "hang":
		select {}
	case "freeze":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		select {}
	}
}

// await polls for a file: there is no watch that works everywhere.
func await(ctx context.Context, path string) error {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		if _, err := os.Stat(path); err == nil {
			return nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// announce writes a pid in one step: whoever sees the file can read it.
func announce(path string, pid int) error {
	if err := os.WriteFile(path+".part", []byte(strconv.Itoa(pid)), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}
