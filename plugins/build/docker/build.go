package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/stagegate/stagegate/plugins/build/content"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/plugins/internal/credential"
	"github.com/stagegate/stagegate/plugins/internal/engine"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// mediaTypeImage is that of an image's config, whose digest is the image's id.
const mediaTypeImage = "application/vnd.docker.container.image.v1+json"

// Build builds the image, and pushes it where that is asked for.
func (Builder) Build(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	tree, err := workspace.Open(req.Attempt.WorkDir)
	if err != nil {
		return nil, err
	}
	outputs, err := within(ctx, tree, req.Config, out)
	return outputs, errors.Join(err, tree.Close())
}

// within opens the context and the engine around the work itself.
func within(ctx context.Context, tree *workspace.Tree, config sdk.Config, out *sdk.Emitter) (sdk.Outputs, error) {
	folder := config.String("context")
	if folder == "" {
		folder = "."
	}
	source, err := tree.Folder(folder)
	if err != nil {
		return nil, &sdk.Failure{Summary: "the build context cannot be used", Class: "context_unusable", Cause: err}
	}
	outputs, err := connected(ctx, source, config, out)
	return outputs, errors.Join(err, source.Close())
}

func connected(ctx context.Context, source *workspace.Tree, config sdk.Config, out *sdk.Emitter) (sdk.Outputs, error) {
	dockerfile, err := checkDockerfile(source, config.String("dockerfile"))
	if err != nil {
		return nil, err
	}
	e, err := engine.Connect(ctx)
	var unreachable *engine.UnreachableError
	if errors.As(err, &unreachable) {
		return nil, unreachable.Failure()
	}
	if err != nil {
		return nil, err
	}
	outputs, err := build(ctx, e, source, dockerfile, config, out)
	return outputs, errors.Join(err, e.Close())
}

// checkDockerfile opens it, because the engine's word for a missing one does
// not tell where it was looked for.
func checkDockerfile(source *workspace.Tree, name string) (string, error) {
	clean, err := cleanDockerfile(name)
	if err == nil {
		var f io.Closer
		if f, _, err = source.File(clean); err == nil {
			return clean, f.Close()
		}
	}
	return "", &sdk.Failure{
		Summary: "the Dockerfile cannot be used", Class: "dockerfile_unusable", Cause: err,
		Detail: "It is looked for in the build context, " + source.Path() + ".",
	}
}

func build(ctx context.Context, e *engine.Engine, source *workspace.Tree, dockerfile string, config sdk.Config, out *sdk.Emitter) (sdk.Outputs, error) {
	sent := content.Pipe(func(w io.Writer) error {
		return archive(ctx, &counter{w: w, out: out}, source, dockerfile)
	})
	id, err := e.Build(ctx, engine.BuildOptions{
		Context: sent, Dockerfile: dockerfile, Tags: config.Strings("tags"), Args: config.StringMap("build_args"),
		Labels: config.StringMap("labels"), Target: config.String("target"), Platform: config.String("platform"),
		NoCache: config.Bool("no_cache"), Pull: config.Bool("pull"),
	}, out.Stdout())
	if err := errors.Join(err, sent.Close()); err != nil {
		return nil, failed(ctx, err)
	}
	artifact, reference, err := result(ctx, e, id, config, out)
	if err != nil {
		return nil, err
	}
	out.Artifact(artifact)
	fmt.Fprintln(out.Stdout(), reference)
	return sdk.Outputs{
		"artifact": artifact.Value(), "digest": cty.StringVal(artifact.Digest),
		"reference": cty.StringVal(reference), "image_id": cty.StringVal(id),
	}, nil
}

// failed explains an error of the build itself.
func failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f := &sdk.Failure{Summary: "the image could not be built", Class: "build_failed", Cause: err}
	var step *engine.StepError
	if !errors.As(err, &step) {
		f.Broken = true
		return f
	}
	f.Cause, f.ExitCode = errors.New(step.Message), step.Code
	if step.Step != "" {
		f.Summary = "the image could not be built: " + step.Step
		f.Detail = "What the step printed last says why."
	}
	return f
}

// result is the image as an artifact, after the push if there is one.
func result(ctx context.Context, e *engine.Engine, id string, config sdk.Config, out *sdk.Emitter) (sdk.Artifact, string, error) {
	size, err := e.Size(ctx, id)
	if err != nil {
		return sdk.Artifact{}, "", err
	}
	block, push := config.Block("registry")
	if !push {
		return sdk.Artifact{
			Name: "image", Digest: id, MediaType: mediaTypeImage, Size: size, Location: "docker-image:" + id,
		}, id, nil
	}
	host, repository, err := oci.SplitRepository(block.String("repository"))
	if err != nil {
		return sdk.Artifact{}, "", err
	}
	name := host + "/" + repository
	tag := block.String("tag")
	if tag == "" {
		tag = strings.TrimPrefix(id, "sha256:")[:12]
	}
	pushed, err := upload(ctx, e, id, host, name+":"+tag, out)
	if err != nil {
		return sdk.Artifact{}, "", err
	}
	notes, err := facts(ctx, e, host)
	if err != nil {
		return sdk.Artifact{}, "", err
	}
	reference := name + "@" + pushed.Digest
	return sdk.Artifact{
		Name: "image", Digest: pushed.Digest, MediaType: pushed.MediaType, Size: size + pushed.Size,
		Location: "oci://" + reference, Annotations: notes,
	}, reference, nil
}

func upload(ctx context.Context, e *engine.Engine, id, host, name string, out *sdk.Emitter) (engine.Pushed, error) {
	if err := e.Tag(ctx, id, name); err != nil {
		return engine.Pushed{}, err
	}
	found, err := credential.Find(ctx, host)
	if err != nil {
		return engine.Pushed{}, err
	}
	pushed, err := e.Push(ctx, name, engine.Credential{
		Host: host, Username: found.Username, Password: found.Password,
		IdentityToken: found.RefreshToken, RegistryToken: found.AccessToken,
	}, out.Stdout())
	if err != nil && ctx.Err() == nil {
		return pushed, &sdk.Failure{
			Summary: "the image could not be pushed to " + name, Class: "push_failed", Broken: true, Cause: err,
			Detail: "It is the engine that pushes: it must reach the registry and trust its certificate. Credentials are those of `docker login " + host + "`.",
		}
	}
	return pushed, err
}

// facts are what is known of a push that the engine has done. Nothing is said
// of TLS where the engine would also go without.
func facts(ctx context.Context, e *engine.Engine, host string) (map[string]string, error) {
	notes := map[string]string{sdk.AnnotationRegistryHost: host, sdk.AnnotationEncryption: "absent"}
	secure, err := e.RequiresTLS(ctx, host)
	if err != nil {
		return nil, err
	}
	if secure {
		notes[sdk.AnnotationRegistryTLS], notes[sdk.AnnotationRegistryCA] = "1.2", "verified"
	}
	return notes, nil
}

// counter reports how much of the context has been sent.
type counter struct {
	w    io.Writer
	sent int64
	out  *sdk.Emitter
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.sent += int64(n)
	c.out.Progress("sending the build context", c.sent, 0, "bytes")
	return n, err
}
