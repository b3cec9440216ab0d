package app

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/redact"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// confused is a plugin that breaks over what it was asked to validate.
type confused struct{ engine.Plugins }

func (confused) Validate(context.Context, pipeline.ComponentRef, pluginv1.Kind, *pluginv1.ValidateRequest) (*pluginv1.ValidateResponse, error) {
	return nil, &engine.PluginError{Plugin: "toys", Class: "plugin_protocol", Err: errors.New(`the component panicked: parsing "correct-horse-battery"`)}
}

func TestPluginThatBreaksOverASecretDoesNotShowIt(t *testing.T) {
	t.Parallel()
	masks := redact.New()
	if err := masks.Add("correct-horse-battery"); err != nil {
		t.Fatal(err)
	}
	l := &loaded{
		Loaded: &config.Loaded{Pipeline: &pipeline.Pipeline{}, With: map[string]cty.Value{"a": cty.EmptyObjectVal}},
		masks:  masks,
	}
	diags, _, err := l.validateStage(t.Context(), confused{}, &pipeline.Stage{Name: "a", Schema: &pluginv1.Component{}}, cty.EmptyObject)
	if err != nil || len(diags) != 1 {
		t.Fatalf("got %v, %v", diags, err)
	}
	if said := diags[0].Summary + diags[0].Detail; strings.Contains(said, "correct-horse") || !strings.Contains(said, "panicked") {
		t.Errorf("got %q", said)
	}
}
