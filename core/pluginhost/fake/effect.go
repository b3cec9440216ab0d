package fake

import (
	"context"
	"os"
	"strings"

	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// effect is a builder that leaves a trace: fake.effect, which must not happen
// twice, and fake.note, which may.
type effect struct {
	name string
	kind sdk.Effect
}

// Schema is constant.
func (e effect) Schema() sdk.Schema {
	return sdk.Schema{
		Name: e.name, Description: "Appends a line to a file.", Effect: e.kind,
		Config: sdk.Block{Attributes: []sdk.Attribute{
			{Name: "log", Type: cty.String, Required: true},
			{Name: "line", Type: cty.String},
			{Name: "artifact", Type: sdk.ArtifactType()},
			{Name: "content", Type: cty.String},
			{Name: "wait_for", Type: cty.String},
		}},
		Outputs: []sdk.Attribute{
			{Name: "value", Type: cty.String},
			{Name: "token", Type: cty.String, Sensitive: true},
			{Name: "artifact", Type: sdk.ArtifactType()},
		},
	}
}

// Validate finds nothing.
func (effect) Validate(context.Context, sdk.ValidateRequest) sdk.Diagnostics { return nil }

// Build leaves the trace.
func (effect) Build(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	name := strings.TrimPrefix(req.Attempt.Stage, "stage.")
	if err := leave(req.Config, name); err != nil {
		return nil, err
	}
	if path := req.Config.String("wait_for"); path != "" {
		if err := await(ctx, path); err != nil {
			return nil, err
		}
	}
	outputs := sdk.Outputs{"value": cty.StringVal("value of " + name), "token": cty.StringVal("token-of-" + name)}
	if req.Config.Set("content") {
		artifact, err := req.Host.WriteBlob(ctx, strings.NewReader(req.Config.String("content")))
		if err != nil {
			return nil, err
		}
		artifact.Name, artifact.MediaType = name, "text/plain"
		out.Artifact(artifact)
		outputs["artifact"] = artifact.Value()
	}
	return outputs, nil
}

// leave appends one line in one write, so that it is there wholly or not at all.
func leave(c sdk.Config, otherwise string) error {
	path := c.String("log")
	if path == "" {
		return nil
	}
	line := c.String("line")
	if line == "" {
		line = otherwise
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// left reports whether the line is there.
func left(c sdk.Config, otherwise string) (bool, error) {
	line := c.String("line")
	if line == "" {
		line = otherwise
	}
	data, err := os.ReadFile(c.String("log"))
	if os.IsNotExist(err) {
		return false, nil
	}
	for have := range strings.Lines(string(data)) {
		if strings.TrimSuffix(have, "\n") == line {
			return true, err
		}
	}
	return false, err
}
