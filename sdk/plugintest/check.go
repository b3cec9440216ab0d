package plugintest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/protobuf/proto"
)

// Check holds a plugin to what the runner relies on whatever its components
// do: it describes itself, always the same; every schema has types and words;
// Validate survives a configuration of which nothing is known yet; and a
// deployer applies nothing without a decision.
func Check(t *testing.T, p sdk.Plugin) {
	t.Helper()
	first, err := p.Describe()
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	second, err := p.Describe()
	if err != nil || !proto.Equal(first, second) {
		t.Errorf("two descriptions differ, %v", err)
	}
	if len(first.GetComponents()) == 0 {
		t.Error("the plugin offers nothing")
	}
	h := Start(t, p)
	for _, c := range first.GetComponents() {
		t.Run(c.GetName(), func(t *testing.T) {
			checkWords(t, c)
			h.checkUnknown(t, c)
			if c.GetKind() == pluginv1.Kind_KIND_DEPLOYER {
				h.checkRefusal(t, c)
			}
		})
	}
}

func checkWords(t *testing.T, c *pluginv1.Component) {
	t.Helper()
	for _, a := range c.GetOutputs() {
		if a.GetDescription() == "" {
			t.Errorf("output %s has no description", a.GetName())
		}
	}
	var walk func(where string, b *pluginv1.Block)
	walk = func(where string, b *pluginv1.Block) {
		for _, a := range b.GetAttributes() {
			if a.GetDescription() == "" {
				t.Errorf("argument %s%s has no description", where, a.GetName())
			}
		}
		for _, n := range b.GetBlocks() {
			if n.GetBlock().GetDescription() == "" {
				t.Errorf("block %s%s has no description", where, n.GetTypeName())
			}
			walk(where+n.GetTypeName()+".", n.GetBlock())
		}
	}
	walk("", c.GetConfig())
}

// checkUnknown validates a configuration in which every argument is unknown,
// as it is before the first stage has run.
func (h *Harness) checkUnknown(t *testing.T, c *pluginv1.Component) {
	t.Helper()
	fields := make(map[string]cty.Value)
	for _, a := range c.GetConfig().GetAttributes() {
		ty, err := dynamic.AttributeType(a)
		if err != nil {
			t.Fatal(err)
		}
		fields[a.GetName()] = cty.UnknownVal(ty)
	}
	for _, d := range h.Validate(c.GetName(), cty.ObjectVal(fields)) {
		if d.Severity == sdk.Error && len(d.Path) == 1 {
			if name, ok := d.Path[0].(sdk.Attr); ok && fields[string(name)] != cty.NilVal {
				t.Errorf("argument %s is refused although it is not known yet: %s", name, d.Summary)
			}
		}
	}
}

// checkInputs holds what a component says about its inputs to the protocol:
// only builders and testers have any, one that cannot tell them all says why,
// and files are named relative to the work folder.
func (h *Harness) checkInputs(component string, answer *pluginv1.ValidateResponse) {
	h.t.Helper()
	in := answer.GetInputs()
	if in == nil {
		return
	}
	switch kind := h.component(component).GetKind(); {
	case kind != pluginv1.Kind_KIND_BUILDER && kind != pluginv1.Kind_KIND_TESTER:
		h.t.Errorf("%s says what its result depends on: only builders and testers are taken from the cache", component)
	case in.GetComplete() == (in.GetReason() != ""):
		h.t.Errorf("%s gives complete = %t and the reason %q: it needs a reason when its inputs are not complete, and none when they are", component, in.GetComplete(), in.GetReason())
	}
	for _, name := range in.GetFiles() {
		if bare := strings.TrimPrefix(name, "!"); !filepath.IsLocal(bare) {
			h.t.Errorf("%s names the input %q, which is not a relative name within the work folder", component, name)
		}
	}
}

// checkRefusal applies a plan for which nobody has decided.
func (h *Harness) checkRefusal(t *testing.T, c *pluginv1.Component) {
	t.Helper()
	plan := sdk.NewPlan("application/octet-stream", []byte("nobody has decided on this"))
	out := h.Apply(c.GetName(), cty.EmptyObjectVal, &pluginv1.Plan{Digest: plan.Digest, MediaType: plan.MediaType, Content: plan.Content}, nil)
	if out.Failure().GetClass() != "decision_refused" {
		t.Errorf("a plan without a decision is not refused: %s", out)
	}
}
