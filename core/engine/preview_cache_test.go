package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/preview"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// withCache gives an outlook a cache that knows what it is told.
func withCache(o *outlook) *fakeCache {
	c := newCache(o.world)
	o.options.Cache = c
	return c
}

// TestPreviewKnowsWhatIsCached: what a cached stage has made is known to what
// comes after it, to the deployer's plan and to policy.
func TestPreviewKnowsWhatIsCached(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	c := withCache(o)
	o.stage("train", "builder")
	o.stage("test", "tester", "train")
	o.eval.with["test"] = using("train", "word")
	o.stage("serve", "deployer", "train", "test")
	o.eval.with["serve"] = using("train", "word")
	c.known["train"], c.known["test"] = foundResult(t, "weights"), foundResult(t, "measured")
	p := o.preview()
	train, serve := o.of(p, "train"), o.of(p, "serve")
	if train.Action != preview.Cached || train.Cached == nil || !strings.HasSuffix(train.Reason, "since run "+train.Cached.Run) {
		t.Errorf("train = %+v", train)
	}
	if serve.Deployment.State != preview.Planned || string(serve.Arguments[0].Value) != `"weights"` {
		t.Errorf("serve = %+v", serve)
	}
	ask := o.policy.asks["serve"]
	if len(ask.Awaited) > 0 || len(ask.Evidence.Artifacts) == 0 || len(ask.Evidence.Reports) == 0 {
		t.Errorf("policy was asked %+v", ask)
	}
	if len(c.restored) > 0 || len(c.kept) > 0 {
		t.Errorf("restored %v, kept %v", c.restored, c.kept)
	}
	if diff := cmp.Diff([]string{"train", "test"}, c.assumed); diff != "" {
		t.Errorf("assumed (-want +got):\n%s", diff)
	}
}

func TestPreviewSaysWhatHasChanged(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	c := withCache(o)
	o.stage("train", "builder")
	o.stage("reads_files", "tester", "train")
	o.stage("after_policy", "tester", "check")
	o.stage("check", "policy")
	s := o.stage("secretive", "builder")
	s.Secrets = []string{"token"}
	o.eval.secret["secretive"] = true
	c.known["reads_files"], c.known["secretive"] = foundResult(t, "x"), foundResult(t, "x")
	c.known["after_policy"] = foundResult(t, "x")
	p := o.preview()
	if s := o.of(p, "train"); s.Action != preview.Run || s.Reason != "nothing keeps it waiting; config.a changed, file b is new" || len(s.Uncached) != 2 {
		t.Errorf("train = %+v", s)
	}
	// It may read what train is yet to make.
	if s := o.of(p, "reads_files"); s.Action != preview.Run || s.Reason != "after stage.train; whether its result is known shows then" {
		t.Errorf("reads_files = %+v", s)
	}
	if s := o.of(p, "after_policy"); s.Action != preview.Cached {
		t.Errorf("after_policy = %+v", s)
	}
	if s := o.of(p, "secretive"); s.Action != preview.Run || !strings.Contains(s.Reason, "depends on secrets") {
		t.Errorf("secretive = %+v", s)
	}
	if len(o.eval.resolved) > 0 {
		t.Errorf("the secrets of %v were resolved", o.eval.resolved)
	}
}

func TestPreviewOfACachedResultThatWillNotDo(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	c := withCache(o)
	o.stage("train", "builder")
	o.stage("then", "tester", "train")
	c.known["train"] = foundResult(t, "bad")
	o.eval.postcondition = func(_ *pipeline.Stage, self cty.Value) (unmet, diags diag.List) {
		return not("It made " + self.GetAttr("word").AsString() + "."), nil
	}
	p := o.preview()
	if s := o.of(p, "train"); !s.Failing() || s.Problems[0].Summary != "a postcondition does not hold: It made bad." {
		t.Errorf("train = %+v", s)
	}
	if s := o.of(p, "then"); s.Action != preview.Skip || s.Reason != "stage.train failed" {
		t.Errorf("then = %+v", s)
	}
}

// TestPreviewOfAPluginThatBreaks: what cannot even be asked would fail.
func TestPreviewOfAPluginThatBreaks(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	c := withCache(o)
	o.stage("train", "builder")
	o.stage("test", "tester", "train")
	o.eval.with["test"] = using("train", "word")
	c.known["train"] = foundResult(t, "weights")
	o.plugins.validate = func(*pluginv1.ValidateRequest) (*pluginv1.ValidateResponse, error) {
		return nil, &engine.PluginError{Plugin: "fake", Class: "plugin_crashed", Err: errors.New("exit status 2")}
	}
	if s := o.of(o.preview(), "test"); !s.Failing() || s.Problems[0].Summary != "plugin fake: exit status 2" {
		t.Errorf("test = %+v", s)
	}
}
