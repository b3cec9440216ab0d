package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/sync/errgroup"
)

// validators is how many plugins are asked at the same time.
const validators = 8

// validate asks the plugins about every stage whose configuration could be
// read, and adds what they find.
func (l *loaded) validate(ctx context.Context, plugins engine.Plugins) error {
	if l.Loaded == nil {
		return nil
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(validators)
	types := make(map[*pluginv1.Component]cty.Type)
	for _, stage := range l.Pipeline.Stages {
		if _, ok := l.With[stage.Name]; !ok {
			continue
		}
		ty, known := types[stage.Schema]
		if !known {
			var err error
			if ty, err = dynamic.ImpliedType(stage.Schema.GetConfig()); err != nil {
				return errors.Join(fmt.Errorf("read the schema of %s: %w", stage.Component, err), group.Wait())
			}
			types[stage.Schema] = ty
		}
		group.Go(func() error {
			found, inputs, err := l.validateStage(ctx, plugins, stage, ty)
			mu.Lock()
			defer mu.Unlock()
			l.diags = append(l.diags, found...)
			l.inputs[stage.Name] = inputs
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	l.diags = l.diags.Sorted()
	return nil
}

func (l *loaded) validateStage(ctx context.Context, plugins engine.Plugins, stage *pipeline.Stage, ty cty.Type) (diag.List, *pluginv1.Inputs, error) {
	config, err := dynamic.Encode(l.With[stage.Name], ty)
	if err != nil {
		return diag.List{{Severity: diag.Error, Summary: "Configuration cannot be passed to its plugin", Detail: err.Error(), Subject: &stage.Range}}, nil, nil //nolint:nilerr // it is the user's mistake, and said as one
	}
	resp, err := plugins.Validate(ctx, stage.Component, stage.Schema.GetKind(), &pluginv1.ValidateRequest{
		Component: stage.Component.Name, Config: config, WorkDir: l.Pipeline.Root,
	})
	if broken, ok := errors.AsType[*engine.PluginError](err); ok {
		// It has seen the configuration, so that its words may hold a secret.
		return diag.List{masked(l.masks, diag.Diagnostic{
			Severity: diag.Error, Summary: pluginSummary(broken), Detail: pluginDetail(broken),
			Subject: &stage.Component.Range, Cause: "plugin " + broken.Plugin,
		})}, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("validate %s: %w", stage.Address(), err)
	}
	var out diag.List
	for _, d := range resp.GetDiagnostics() {
		out = append(out, masked(l.masks, l.Evaluator.Place(stage, d)))
	}
	return out, resp.GetInputs(), nil
}
