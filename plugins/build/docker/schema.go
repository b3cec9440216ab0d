package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

const defaultDockerfile = "Dockerfile"

// Builder implements sdk.Builder.
type Builder struct{}

var (
	_ sdk.Builder   = Builder{}
	_ sdk.Cacheable = Builder{}
)

// Inputs are not known: base images change, and the engine has a cache of its
// own.
func (Builder) Inputs(context.Context, sdk.ValidateRequest) sdk.Inputs {
	return sdk.Inputs{Reason: "the Docker engine has a cache of its own"}
}

// Schema describes the component.
func (Builder) Schema() sdk.Schema {
	return sdk.Schema{
		Name: "docker",
		Description: "Builds an image with the Docker engine. " +
			"The engine is found by `DOCKER_HOST`, otherwise at `/var/run/docker.sock`.",
		Effect:  sdk.EffectPure,
		Example: example,
		Config: sdk.Block{
			Attributes: []sdk.Attribute{
				{Name: "context", Type: cty.String, Description: "Folder to send to the engine, without what its `.dockerignore` leaves out. Default: the work folder."},
				{Name: "dockerfile", Type: cty.String, Description: "Dockerfile, relative to `context` and within it. Default: `Dockerfile`."},
				{Name: "target", Type: cty.String, Description: "Stage of the Dockerfile to stop at. Default: the last."},
				{Name: "build_args", Type: cty.Map(cty.String), Description: "Values for ARG. They can be read from the image: no secrets."},
				{Name: "labels", Type: cty.Map(cty.String), Description: "Labels, for example `org.opencontainers.image.revision`."},
				{Name: "tags", Type: cty.List(cty.String), Description: "Names that the image gets in the engine, for example `digits:latest`."},
				{Name: "platform", Type: cty.String, Description: "Platform, for example `linux/arm64`. Default: the engine's."},
				{Name: "no_cache", Type: cty.Bool, Description: "Run every step again. Default: false."},
				{Name: "pull", Type: cty.Bool, Description: "Look for a newer base image. Default: false."},
			},
			Blocks: []sdk.NestedBlock{{Name: "registry", Nesting: sdk.NestingSingle, Block: sdk.Block{
				Description: "Pushes the image, with the credentials of the Docker configuration. Whom the engine trusts is a matter of its own configuration.",
				Attributes: []sdk.Attribute{
					{Name: "repository", Type: cty.String, Required: true, Description: "Registry and repository, for example `registry.example.com/digits`."},
					{Name: "tag", Type: cty.String, Description: "Tag. Default: the first twelve digits of the image's id."},
				},
			}}},
		},
		Outputs: []sdk.Attribute{
			{Name: "artifact", Type: sdk.ArtifactType(), Description: "The image; pushed, its digest is that of the manifest, and otherwise its id in the engine."},
			{Name: "digest", Type: cty.String, Description: "Digest of the artifact, `sha256:…`."},
			{Name: "reference", Type: cty.String, Description: "What to run it by: by digest in the registry, or its id in the engine."},
			{Name: "image_id", Type: cty.String, Description: "Id in the engine, `sha256:…`."},
		},
	}
}

// Validate checks what can be known before there are files.
func (Builder) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	var diags sdk.Diagnostics
	config := req.Config
	at := func(name string) sdk.Path { return sdk.At(sdk.Attr(name)) }
	if config.Set("context") {
		if _, err := workspace.Clean(req.WorkDir, config.String("context")); err != nil {
			diags.AddError(at("context"), "unusable build context", err.Error()+"; name a folder within the work folder")
		}
	}
	if config.Set("dockerfile") {
		if _, err := cleanDockerfile(config.String("dockerfile")); err != nil {
			diags.AddError(at("dockerfile"), "unusable Dockerfile", err.Error())
		}
	}
	if config.Get("build_args").ContainsMarked() {
		diags.AddError(at("build_args"), "a secret in a build argument", "Build arguments are kept in the image's history, where anybody can read them.")
	}
	for i, tag := range config.Strings("tags") {
		if named, err := reference.ParseNormalizedNamed(tag); err != nil || strings.Contains(named.String(), "@") {
			diags.AddError(sdk.At(sdk.Attr("tags"), sdk.Index(i)), "unusable tag", fmt.Sprintf("%q is not a name of an image such as digits:latest.", tag))
		}
	}
	if block, ok := config.Block("registry"); ok {
		inside := func(name string) sdk.Path { return sdk.At(sdk.Attr("registry"), sdk.Attr(name)) }
		if block.Set("repository") {
			if _, _, err := oci.SplitRepository(block.String("repository")); err != nil {
				diags.AddError(inside("repository"), "unusable repository", err.Error())
			}
		}
		if block.Set("tag") && !oci.ValidTag(block.String("tag")) {
			diags.AddError(inside("tag"), "unusable tag", fmt.Sprintf("%q is not a tag: up to 128 letters, digits, '_', '.' and '-', and not '.' or '-' first", block.String("tag")))
		}
	}
	return diags
}

// cleanDockerfile is the name of the Dockerfile within the context.
func cleanDockerfile(name string) (string, error) {
	if name == "" {
		return defaultDockerfile, nil
	}
	clean, err := workspace.Clean("/", strings.TrimPrefix(name, "./"))
	if err != nil || strings.HasPrefix(name, "/") {
		return "", fmt.Errorf("the Dockerfile %q is outside of the build context; it is named relative to the context and lies within it", name)
	}
	return clean, nil
}
