package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/distribution/reference"
	"github.com/stagegate/stagegate/plugins/internal/credential"
	"github.com/stagegate/stagegate/plugins/internal/engine"
	"github.com/stagegate/stagegate/sdk"
)

var idSyntax = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// parseImage is an image by digest as the engine takes it, and its registry;
// that is empty for the id of an image that the engine must have.
func parseImage(name string) (image, host string, err error) {
	if idSyntax.MatchString(name) {
		return name, "", nil
	}
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", "", fmt.Errorf("%.200q is not the name of an image", name)
	}
	digested, ok := named.(reference.Digested)
	if !ok {
		return "", "", fmt.Errorf("%.200q names no digest", name)
	}
	exact, err := reference.WithDigest(reference.TrimNamed(named), digested.Digest())
	if err != nil {
		return "", "", fmt.Errorf("%.200q is not the name of an image: %w", name, err)
	}
	return exact.String(), reference.Domain(named), nil
}

// obtain makes sure that the engine has the image.
func obtain(ctx context.Context, e *engine.Engine, name string, words io.Writer) (engine.Image, error) {
	image, host, err := parseImage(name)
	if err != nil {
		return engine.Image{}, &sdk.Failure{Summary: "The image cannot be used", Detail: remedyDigest, Class: "image_invalid", Cause: err}
	}
	found, err := e.Image(ctx, image)
	if !errors.Is(err, engine.ErrNoImage) {
		return found, err
	}
	if host == "" {
		return found, &sdk.Failure{
			Summary: "The engine does not have the image " + image, Class: "image_missing", Broken: true,
			Detail: "An id means an image that is in the engine already. Build it in this run with build.docker, or name it with its registry: registry.example.com/name@sha256:….",
		}
	}
	known, err := credential.Find(ctx, host)
	if err == nil {
		err = e.Pull(ctx, image, engine.Credential{
			Host: host, Username: known.Username, Password: known.Password,
			IdentityToken: known.RefreshToken, RegistryToken: known.AccessToken,
		}, words)
	}
	if err == nil {
		return e.Image(ctx, image)
	}
	if ctx.Err() != nil {
		return found, context.Cause(ctx)
	}
	return found, &sdk.Failure{
		Summary: "The image " + image + " cannot be pulled", Class: "image_missing", Broken: true, Cause: err,
		Detail: "It is the engine that pulls: it must reach the registry and trust its certificate. Credentials are those of `docker login " + host + "`.",
	}
}

const remedyDigest = "Name the image by its digest, as in registry.example.com/eval@sha256:…. `docker image inspect --format '{{index .RepoDigests 0}}' IMAGE` shows it for an image that was pulled; " +
	"of a stage with build.docker it is the output reference."
