package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/docker/docker/api/types/build"
)

// BuildOptions is what may vary about a build. There is nothing in it that
// gives a build more rights than it has by itself.
type BuildOptions struct {
	Context    io.Reader // tar archive
	Dockerfile string    // its name in the archive
	Tags       []string
	Args       map[string]string
	Labels     map[string]string
	Target     string
	Platform   string
	NoCache    bool
	Pull       bool
}

// Build runs the engine's classic builder, which every engine has, and returns
// the image's id. Intermediate containers are removed in any case. When ctx
// ends the engine sees the connection close and stops the step it is at.
func (e *Engine) Build(ctx context.Context, opts BuildOptions, out io.Writer) (id string, err error) {
	args := make(map[string]*string, len(opts.Args))
	for name, value := range opts.Args {
		args[name] = &value
	}
	resp, err := e.client.ImageBuild(ctx, opts.Context, build.ImageBuildOptions{
		Dockerfile: opts.Dockerfile, Tags: opts.Tags, BuildArgs: args, Labels: opts.Labels,
		Target: opts.Target, Platform: opts.Platform, NoCache: opts.NoCache, PullParent: opts.Pull,
		Remove: true, ForceRemove: true, Version: build.BuilderV1,
	})
	if err != nil {
		return "", ended(ctx, fmt.Errorf("start the build: %w", err))
	}
	err = relay(resp.Body, out, func(aux json.RawMessage) {
		var result build.Result
		if json.Unmarshal(aux, &result) == nil && result.ID != "" {
			id = result.ID
		}
	})
	if err := errors.Join(ended(ctx, err), resp.Body.Close()); err != nil {
		return "", err
	}
	if id == "" {
		return "", errors.New("the engine ended the build without an image")
	}
	return id, nil
}

// ended is the cause of ctx when that is why there is an error.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
