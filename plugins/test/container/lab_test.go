package container_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/plugins/internal/engine/enginetest"
	"github.com/stagegate/stagegate/plugins/test/container"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

func start(t *testing.T) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "test", Version: "0.1.0", Testers: []sdk.Tester{container.Component{}}})
}

// lab is a real engine with an image.
type lab struct {
	engine *enginetest.Engine
	image  string
}

func newLab(t *testing.T) lab {
	t.Helper()
	e := enginetest.Require(t)
	return lab{e, e.Toolbox()}
}

type values = map[string]cty.Value

func words(w ...string) cty.Value {
	out := make([]cty.Value, len(w))
	for i, s := range w {
		out[i] = cty.StringVal(s)
	}
	return cty.ListVal(out)
}

// config runs the toolbox.
func (l lab) config(more values, command ...string) cty.Value {
	fields := values{"image": cty.StringVal(l.image), "command": words(append([]string{"/toolbox"}, command...)...)}
	maps.Copy(fields, more)
	return cty.ObjectVal(fields)
}

// gone makes sure that nothing of a test's attempts is left.
func (l lab) gone(t *testing.T) {
	t.Helper()
	if left := l.left(t); len(left) > 0 {
		t.Errorf("something is left of %v", left)
	}
}

// left are the attempts of a test of which something is there.
func (l lab) left(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, attempt := range l.engine.Labels("dev.stagegate.attempt") {
		if strings.HasPrefix(attempt, t.Name()+"-") {
			found = append(found, attempt)
		}
	}
	return found
}
