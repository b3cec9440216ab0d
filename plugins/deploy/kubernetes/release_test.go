package kubernetes_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/sdk"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func TestReleaseOfAModelOnGPUs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(2, 4)
	digest := "sha256:" + strings.Repeat("3", 64)
	config := l.gpus(4, 2, map[string]cty.Value{
		"artifact": sdk.Artifact{
			Name: "digits", Digest: digest, MediaType: "application/vnd.oci.image.manifest.v1+json",
			Location: "oci://registry.example/models/digits@" + digest,
		}.Value(),
	})
	plan := l.harness.Plan("kubernetes", config)
	var actions []string
	for _, c := range plan.GetPlan().GetChanges() {
		actions = append(actions, c.GetAction().String()+" "+c.GetObject())
	}
	want := []string{
		"CHANGE_ACTION_CREATE ServiceAccount " + l.namespace + "/test",
		"CHANGE_ACTION_CREATE NetworkPolicy " + l.namespace + "/test",
		"CHANGE_ACTION_CREATE Service " + l.namespace + "/test",
		"CHANGE_ACTION_CREATE Deployment " + l.namespace + "/test",
	}
	if diff := cmp.Diff(want, actions); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if l.deployment("test") != nil {
		t.Fatal("Plan has made a Deployment")
	}

	out, _ := l.released(config)
	checkPlacements(t, out.Result.GetRollout())
	for name, want := range map[string]string{"name": "test", "namespace": l.namespace, "service": "test." + l.namespace + ".svc:8080"} {
		if got := out.Outputs.GetAttr(name).AsString(); got != want {
			t.Errorf("output %s is %q, want %q", name, got, want)
		}
	}
	if !handleComesFirst(out.Events) {
		t.Error("something was applied before the handle was emitted")
	}
	live := l.deployment("test")
	if live.At("metadata", "generation") != live.At("status", "observedGeneration") {
		t.Error("the Deployment was changed after the rollout was done")
	}

	t.Run("again", func(t *testing.T) { //nolint:paralleltest // it goes on with the release above
		again := l.harness.Plan("kubernetes", config)
		if got := again.GetPlan().GetDigest(); got != plan.GetPlan().GetDigest() {
			t.Errorf("the same release has the digest %s, and had %s", got, plan.GetPlan().GetDigest())
		}
		for _, c := range again.GetPlan().GetChanges() {
			if c.GetAction() != pluginv1.ChangeAction_CHANGE_ACTION_NONE {
				t.Errorf("%s of %s: %s", c.GetAction(), c.GetObject(), c.GetDiff())
			}
		}
		l.released(config)
		if got, want := l.deployment("test").At("metadata", "generation"), live.At("metadata", "generation"); got != want {
			t.Errorf("the second Apply has changed the Deployment: generation %v, was %v", got, want)
		}
	})
}

func checkPlacements(t *testing.T, r *pluginv1.Rollout) {
	t.Helper()
	if r.GetPhase() != pluginv1.RolloutPhase_ROLLOUT_PHASE_HEALTHY || r.GetReady() != 4 || r.GetReplicas() != 4 {
		t.Errorf("rollout %v", r)
	}
	perNode := make(map[string]int64)
	for _, p := range r.GetPlacements() {
		if !p.GetReady() {
			t.Errorf("%s is not ready", p.GetReplica())
		}
		perNode[p.GetNode()] += p.GetDevices()["nvidia.com/gpu"]
	}
	if len(perNode) != 2 {
		t.Errorf("placements on %v, want 2 nodes", perNode)
	}
	for node, held := range perNode {
		if held != 4 {
			t.Errorf("%s holds %d GPUs, want 4", node, held)
		}
	}
}

func handleComesFirst(events []*pluginv1.Event) bool {
	handle := slices.IndexFunc(events, func(e *pluginv1.Event) bool { return e.GetHandle() != nil })
	log := slices.IndexFunc(events, func(e *pluginv1.Event) bool { return e.GetLog() != nil })
	return handle >= 0 && handle < log
}

func TestPlanStatesFacts(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(2, 4)
	plan := l.harness.Plan("kubernetes", l.gpus(1, 1, nil))
	facts := make(map[string]*pluginv1.Fact)
	for _, f := range plan.GetFacts() {
		facts[f.GetName()] = f
	}
	for _, name := range []string{
		"workload.objects", "workload.images", "target.namespace", "cluster.uid", "cluster.version",
		"storage.classes", "cluster.gpu", "access.actor", "access.rbac", "cluster.quotas", "cluster.gpu_sharing",
	} {
		if facts[name].GetState() != pluginv1.FactState_FACT_STATE_VERIFIED || !json.Valid(facts[name].GetValue()) {
			t.Errorf("fact %s: %v", name, facts[name])
		}
	}
	if got := string(facts["target.namespace"].GetValue()); got != `"`+l.namespace+`"` {
		t.Errorf("target.namespace is %s", got)
	}
	var nodes []struct{ Allocatable, Free int64 }
	if err := json.Unmarshal(facts["cluster.gpu"].GetValue(), &nodes); err != nil {
		t.Fatal(err)
	}
	if len(nodes) != 2 || nodes[0].Allocatable != 4 || nodes[0].Free != 4 {
		t.Errorf("cluster.gpu is %s", facts["cluster.gpu"].GetValue())
	}
	if got := string(facts["access.actor"].GetValue()); !strings.Contains(got, "system:masters") {
		t.Errorf("access.actor is %s", got)
	}
}

func TestUnschedulablePodsAreReportedWithNumbers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(2, 4)
	config := l.gpus(3, 3, map[string]cty.Value{"schedule_timeout": cty.StringVal("2s"), "capacity_check": cty.StringVal("warn")})
	plan := l.harness.Plan("kubernetes", config)
	if got := plan.GetDiagnostics(); len(got) != 1 || !strings.Contains(got[0].GetDetail(), "3 more pods need a node, and there are 2 seats there now") {
		t.Errorf("the plan does not warn: %v", got)
	}
	out := l.release(config)
	f := out.Failure()
	if out.Result.GetOutcome() != pluginv1.Outcome_OUTCOME_FAILED || f.GetClass() != "unschedulable" {
		t.Fatalf("got %s", out)
	}
	for text, in := range map[string]string{
		"1 of 3 pods cannot be scheduled":  f.GetSummary(),
		"Insufficient nvidia.com/gpu":      f.GetSummary(),
		"Each pod needs 3 nvidia.com/gpu":  f.GetDetail(),
		l.namespace + "-1 1 of 4 free":     f.GetDetail(),
		l.namespace + "-2 1 of 4 free":     f.GetDetail(),
		"schedule_timeout is 2s":           f.GetDetail(),
		"Unschedulable: 0/":                string(out.Stdout),
		"max_surge = 0 and max_unavailabl": f.GetDetail(),
	} {
		if !strings.Contains(in, text) {
			t.Errorf("%q is not in %q", text, in)
		}
	}
	if r := out.Result.GetRollout(); r.GetPhase() != pluginv1.RolloutPhase_ROLLOUT_PHASE_DEGRADED || r.GetReady() != 2 || len(r.GetPlacements()) != 3 {
		t.Errorf("rollout %v", r)
	}
}

func TestMoreGPUsThanAnyNodeHas(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(2, 4)
	plan := l.harness.Plan("kubernetes", l.gpus(1, 16, nil))
	if plan.GetPlan() != nil || len(plan.GetDiagnostics()) != 1 {
		t.Fatalf("got %v", plan)
	}
	d := plan.GetDiagnostics()[0]
	if want := "no node can hold a pod with 16 nvidia.com/gpu"; d.GetSummary() != want {
		t.Errorf("got %q, want %q", d.GetSummary(), want)
	}
	if want := "the largest node has 4. Per node: " + l.namespace + "-1 4 of 4 free"; !strings.Contains(d.GetDetail(), want) {
		t.Errorf("%q is not in %q", want, d.GetDetail())
	}
	steps := d.GetAttribute().GetSteps()
	if len(steps) != 2 || steps[0].GetAttribute() != "gpu" || steps[1].GetAttribute() != "count" {
		t.Errorf("it points at %v", steps)
	}
	unknown := l.harness.Plan("kubernetes", l.gpus(1, 1, map[string]cty.Value{
		"gpu": cty.ObjectVal(map[string]cty.Value{"resource": cty.StringVal("amd.com/gpu")}),
	})).GetDiagnostics()
	if len(unknown) != 1 || !strings.Contains(unknown[0].GetDetail(), "offer: nvidia.com/gpu") {
		t.Errorf("got %v", unknown)
	}
}

func TestNothingIsAppliedWithoutADecision(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	config := l.config(nil)
	plan := l.harness.Plan("kubernetes", config).GetPlan()
	if plan == nil {
		t.Fatal("no plan")
	}
	changed := &pluginv1.Plan{Digest: plan.GetDigest(), MediaType: plan.GetMediaType(), Content: []byte(strings.Replace(string(plan.GetContent()), imageA, imageB, 1))}
	honest := sdk.NewPlan(plan.GetMediaType(), changed.GetContent())
	for name, c := range map[string]struct {
		plan      *pluginv1.Plan
		decisions [][]byte
	}{
		"without a decision":       {plan, nil},
		"changed after it":         {changed, l.harness.Allow(plan)},
		"of another plan":          {&pluginv1.Plan{Digest: honest.Digest, MediaType: plan.GetMediaType(), Content: honest.Content}, l.harness.Allow(plan)},
		"with a decision of a kid": {plan, [][]byte{[]byte(`{"payload":"e30="}`)}},
	} {
		out := l.harness.Apply("kubernetes", config, c.plan, c.decisions)
		if out.Succeeded() || out.Failure().GetClass() != "decision_refused" {
			t.Errorf("%s: %s", name, out)
		}
	}
	if l.deployment("test") != nil {
		t.Error("a Deployment was made")
	}
}

// A release that never became healthy is not what a rollback goes back to.
func TestRollbackSkipsWhatWasNotHealthy(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	good, _ := l.released(l.config(nil))
	nowhere := cty.MapVal(map[string]cty.Value{"lab": cty.StringVal("nowhere")})
	stuck := l.release(l.config(map[string]cty.Value{"node_selector": nowhere, "schedule_timeout": cty.StringVal("1s"), "capacity_check": cty.StringVal("warn")}))
	if stuck.Failure().GetClass() != "unplaceable" || !strings.Contains(stuck.Failure().GetDetail(), "The release before still has 1 pod.") {
		t.Fatalf("got %s", stuck)
	}
	alsoStuck := l.release(l.config(map[string]cty.Value{
		"node_selector": nowhere, "schedule_timeout": cty.StringVal("1s"), "image": cty.StringVal(imageB), "capacity_check": cty.StringVal("warn"),
	}))
	out := l.harness.Rollback("kubernetes", l.config(nil), alsoStuck.Handles[0])
	if !out.Succeeded() {
		t.Fatalf("got %s", out)
	}
	got := l.deployment("test").Text("spec", "template", "metadata", "labels", manifest.LabelRevision)
	if want := good.Outputs.GetAttr("revision").AsString(); got != want {
		t.Errorf("revision %s serves, want %s", got, want)
	}
}

func TestAnUpdateNeverServesLess(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	replicas := map[string]cty.Value{"replicas": cty.NumberIntVal(4)}
	first, _ := l.released(l.config(replicas))

	done, least := make(chan struct{}), make(chan int, 1)
	go func() { least <- l.leastAvailable("test", done) }()
	second, handle := l.released(l.config(map[string]cty.Value{"replicas": cty.NumberIntVal(4), "image": cty.StringVal(imageB)}))
	close(done)
	if n := <-least; n < 4 {
		t.Errorf("%d replicas were available during the update, want at least 4", n)
	}
	if got, old := second.Outputs.GetAttr("revision"), first.Outputs.GetAttr("revision"); got.RawEquals(old) {
		t.Error("both releases have the same revision")
	}
	if got := len(second.Result.GetRollout().GetPlacements()); got != 4 {
		t.Errorf("%d placements, want 4", got)
	}

	t.Run("rolled back", func(t *testing.T) { //nolint:paralleltest // it goes on with the release above
		out := l.harness.Rollback("kubernetes", l.config(nil), handle)
		if !out.Succeeded() || out.Result.GetRollout().GetPhase() != pluginv1.RolloutPhase_ROLLOUT_PHASE_ROLLED_BACK {
			t.Fatalf("got %s", out)
		}
		live := l.deployment("test")
		if got, want := live.Text("spec", "template", "metadata", "labels", manifest.LabelRevision), first.Outputs.GetAttr("revision").AsString(); got != want {
			t.Errorf("revision %s serves, want %s", got, want)
		}
		if got := live.At("spec", "replicas"); got != 4.0 {
			t.Errorf("%v replicas, want 4", got)
		}
		observed := l.harness.Observe("kubernetes", l.config(nil), handle, false)
		if observed.Failure().GetClass() != "superseded" {
			t.Errorf("the rollout that was rolled back is observed as %s", observed)
		}
	})
}

// leastAvailable polls until done.
func (l *lab) leastAvailable(name string, done <-chan struct{}) int {
	least := 1 << 20
	for {
		select {
		case <-done:
			return least
		default:
			n, _ := l.deployment(name).At("status", "availableReplicas").(float64)
			least = min(least, int(n))
		}
	}
}

func TestRollbackOfTheFirstReleaseRemovesIt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	_, handle := l.released(l.config(nil))
	out := l.harness.Rollback("kubernetes", l.config(nil), handle)
	if !out.Succeeded() || !strings.Contains(out.Result.GetRollout().GetMessage(), "no release served before") {
		t.Fatalf("got %s", out)
	}
	if l.deployment("test") != nil || l.get("/api/v1/namespaces/"+l.namespace+"/services/test") != nil {
		t.Error("objects of the release are left")
	}
	again := l.harness.Rollback("kubernetes", l.config(nil), handle)
	if !again.Succeeded() {
		t.Errorf("the second rollback: %s", again)
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	config := l.config(nil)
	for _, wait := range []bool{false, true} {
		out := l.harness.Observe("kubernetes", config, nil, wait)
		if out.Result.GetOutcome() != pluginv1.Outcome_OUTCOME_STOPPED || out.Failure().GetClass() != "nothing_applied" {
			t.Errorf("before anything was applied: %s", out)
		}
	}
	_, handle := l.released(config)
	for _, wait := range []bool{false, true} {
		for _, h := range [][]byte{handle, nil} {
			out := l.harness.Observe("kubernetes", config, h, wait)
			if !out.Succeeded() || out.Result.GetRollout().GetPhase() != pluginv1.RolloutPhase_ROLLOUT_PHASE_HEALTHY {
				t.Errorf("follow %v, with a handle %v: %s: %v", wait, h != nil, out, out.Result.GetRollout())
			}
		}
	}
	other := l.config(map[string]cty.Value{"image": cty.StringVal(imageB)})
	if out := l.harness.Observe("kubernetes", other, nil, false); out.Failure().GetClass() != "nothing_applied" {
		t.Errorf("another release: %s", out)
	}
}

func TestAForeignObjectIsNotTakenOver(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	path := "/api/v1/namespaces/" + l.namespace + "/services/test?fieldManager=other-team"
	code, o := l.call(t.Context(), http.MethodPatch, path, map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "test"},
		"spec": map[string]any{"selector": map[string]any{"app": "theirs"}, "ports": []any{map[string]any{"port": 80}}},
	})
	if code/100 != 2 {
		t.Fatalf("%d %v", code, o)
	}
	f := l.harness.Plan("kubernetes", l.config(nil)).GetFailure()
	if f.GetClass() != "field_conflict" || !strings.Contains(f.GetSummary(), `.spec.selector is managed by "other-team"`) {
		t.Errorf("got %v", f)
	}
}

func TestARefusedPodFailsAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	l.post("/api/v1/namespaces/"+l.namespace+"/resourcequotas", map[string]any{
		"apiVersion": "v1", "kind": "ResourceQuota", "metadata": map[string]any{"name": "small"},
		"spec": map[string]any{"hard": map[string]any{"pods": "1"}},
	})
	out := l.release(l.config(map[string]cty.Value{"replicas": cty.NumberIntVal(3), "capacity_check": cty.StringVal("warn")}))
	if f := out.Failure(); f.GetClass() != "quota" || !strings.Contains(f.GetSummary(), "exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1") {
		t.Errorf("got %s", out)
	}
}

func TestWhatIsMissingIsReportedTogether(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	config := l.config(map[string]cty.Value{
		"kubeconfig": cty.StringVal(l.asAccount("nobody")),
		"namespace":  cty.StringVal("kube-system"),
	})
	f := l.harness.Plan("kubernetes", config).GetFailure()
	if f.GetClass() != "access_missing" {
		t.Fatalf("got %v", f)
	}
	for _, want := range []string{"patch deployments.apps in namespace kube-system", "watch pods in namespace kube-system", "get namespaces kube-system in the whole cluster"} {
		if !strings.Contains(f.GetDetail(), want) {
			t.Errorf("%q is not in %q", want, f.GetDetail())
		}
	}
	gone := l.harness.Plan("kubernetes", l.config(map[string]cty.Value{"namespace": cty.StringVal("not-there")})).GetFailure()
	if gone.GetClass() != "namespace_missing" || !strings.Contains(gone.GetSummary(), `"not-there"`) {
		t.Errorf("got %v", gone)
	}
}
