package kubernetes_test

import (
	"net/http"
	"strings"
	"testing"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func strategy(name string, fields map[string]cty.Value) cty.Value {
	block := cty.EmptyObjectVal
	if len(fields) > 0 {
		block = cty.ObjectVal(fields)
	}
	return cty.MapVal(map[string]cty.Value{name: block})
}

func says(t *testing.T, lines []string, want string) {
	t.Helper()
	if text := strings.Join(lines, "\n"); !strings.Contains(text, want) {
		t.Errorf("%q is not in:\n%s", want, text)
	}
}

// Every accelerator is taken: a rolling update that adds a pod first would wait
// for ever. The plan sees it and replaces in place.
func TestAFullClusterIsReleasedInPlace(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(2, 4)
	l.released(l.gpus(4, 2, nil))
	next := l.gpus(4, 2, map[string]cty.Value{"image": cty.StringVal(imageB)})
	plan := l.harness.Plan("kubernetes", next).GetPlan()
	says(t, plan.GetNotes(), "seats: 0 now, 4 once the old pods are gone")
	says(t, plan.GetNotes(), "chosen: max_surge = 0 and max_unavailable = 1, each pod in the place of one before; with max_surge = 1 and max_unavailable = 0 pod 1 of 4 finds no seat when all old pods are still there")
	out := l.harness.Apply("kubernetes", next, plan, l.harness.Allow(plan))
	if !out.Succeeded() {
		t.Fatalf("got %s", out)
	}
	rolling := func(field string) any { return l.deployment("test").At("spec", "strategy", "rollingUpdate", field) }
	if rolling("maxSurge") != 0.0 || rolling("maxUnavailable") != 1.0 {
		t.Errorf("surge %v, unavailable %v", rolling("maxSurge"), rolling("maxUnavailable"))
	}
	again := l.harness.Plan("kubernetes", next).GetPlan()
	if again.GetDigest() != plan.GetDigest() {
		t.Error("the release that is there plans otherwise than when it was not")
	}
}

func TestAnExplicitChoiceThatCannotFitIsRefusedWithTheNumbers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 4)
	l.released(l.gpus(2, 2, nil))
	surge := map[string]cty.Value{
		"image": cty.StringVal(imageB), "strategy": strategy("rolling", map[string]cty.Value{"max_surge": cty.StringVal("1")}),
	}
	refused := l.harness.Plan("kubernetes", l.gpus(2, 2, surge))
	if refused.GetPlan() != nil || len(refused.GetDiagnostics()) != 1 {
		t.Fatalf("got %v", refused)
	}
	d := refused.GetDiagnostics()[0]
	if want := "the update would stand still with max_surge = 1 and max_unavailable = 0"; d.GetSummary() != want {
		t.Errorf("got %q, want %q", d.GetSummary(), want)
	}
	says(t, []string{d.GetDetail()}, "Pod 1 of 2 finds no seat when all old pods are still there.")
	says(t, []string{d.GetDetail()}, "seats: 0 now, 2 once the old pods are gone: "+l.namespace+"-1 0 of 4 free")
	if steps := d.GetAttribute().GetSteps(); len(steps) != 3 || steps[2].GetAttribute() != "max_surge" {
		t.Errorf("it points at %v", steps)
	}
	surge["capacity_check"] = cty.StringVal("warn")
	tried := l.harness.Plan("kubernetes", l.gpus(2, 2, surge))
	if tried.GetPlan() == nil || tried.GetDiagnostics()[0].GetSeverity() != pluginv1.Severity_SEVERITY_WARNING {
		t.Errorf("got %v", tried)
	}
}

func TestOnePodInAFullCluster(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 4)
	l.released(l.gpus(1, 4, nil))
	next := map[string]cty.Value{"image": cty.StringVal(imageB)}
	refused := l.harness.Plan("kubernetes", l.gpus(1, 4, next)).GetDiagnostics()
	if len(refused) != 1 || refused[0].GetSummary() != "the one pod can only be replaced with downtime" {
		t.Fatalf("got %v", refused)
	}
	says(t, []string{refused[0].GetDetail()}, `strategy "recreate" { allow_downtime = true }`)
	next["strategy"] = strategy("recreate", map[string]cty.Value{"allow_downtime": cty.True})
	l.released(l.gpus(1, 4, next))
	if got := l.deployment("test").Text("spec", "strategy", "type"); got != "Recreate" {
		t.Errorf("it was released by %s", got)
	}

	t.Run("and back", func(t *testing.T) { //nolint:paralleltest // it goes on with the release above
		l.node(l.namespace+"-2", 4)
		l.released(l.gpus(1, 4, nil))
		if got := l.deployment("test").Text("spec", "strategy", "type"); got != "RollingUpdate" {
			t.Errorf("it was released by %s", got)
		}
	})
}

func TestQuotaIsPartOfTheProof(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 8)
	l.quota(map[string]any{"requests.nvidia.com/gpu": "4"})
	refused := l.harness.Plan("kubernetes", l.gpus(3, 2, nil)).GetDiagnostics()
	if len(refused) != 1 || refused[0].GetSummary() != "there is no room for 3 pods" {
		t.Fatalf("got %v", refused)
	}
	says(t, []string{refused[0].GetDetail()}, "quota small: 0 of 4 requests.nvidia.com/gpu used, and each pod needs 2")
	l.released(l.gpus(2, 2, nil))
	// The quota is full now, though the node is not.
	plan := l.harness.Plan("kubernetes", l.gpus(2, 2, map[string]cty.Value{"image": cty.StringVal(imageB)})).GetPlan()
	says(t, plan.GetNotes(), "chosen: max_surge = 0 and max_unavailable = 1")
	says(t, plan.GetNotes(), "quota small: 4 of 4 requests.nvidia.com/gpu used, and each pod needs 2: room for 0 more")
}

func (l *lab) quota(hard map[string]any) {
	l.t.Helper()
	path := "/api/v1/namespaces/" + l.namespace + "/resourcequotas"
	l.post(path, map[string]any{
		"apiVersion": "v1", "kind": "ResourceQuota", "metadata": map[string]any{"name": "small"}, "spec": map[string]any{"hard": hard},
	})
	for l.get(path+"/small").At("status", "hard") == nil { // until its controller has seen it
		if l.t.Context().Err() != nil {
			l.t.Fatal("the quota is not counted")
		}
	}
}

// A Deployment passes admission where its pods do not.
func TestPodsThatWouldBeRefusedFailThePlan(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	l.post("/api/v1/namespaces/"+l.namespace+"/limitranges", map[string]any{
		"apiVersion": "v1", "kind": "LimitRange", "metadata": map[string]any{"name": "small"},
		"spec": map[string]any{"limits": []any{map[string]any{"type": "Container", "max": map[string]any{"memory": "1Gi"}}}},
	})
	config := l.config(map[string]cty.Value{"resources": cty.ObjectVal(map[string]cty.Value{"memory": cty.StringVal("2Gi")})})
	f := l.harness.Plan("kubernetes", config).GetFailure()
	if f.GetClass() != "admission" || !strings.Contains(f.GetSummary(), "maximum memory usage per Container is 1Gi") {
		t.Errorf("got %v", f)
	}
	code, pods := l.call(t.Context(), http.MethodGet, "/api/v1/namespaces/"+l.namespace+"/pods", nil)
	if items, _ := pods["items"].([]any); code != http.StatusOK || len(items) != 0 {
		t.Errorf("the plan has made a pod: %v", pods)
	}
}

// Without the right to see nodes a release can be planned, and says so.
func TestWithoutTheRightToSeeNodes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	blind := l.proxy(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path == "/api/v1/nodes" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"nodes is forbidden","reason":"Forbidden","code":403}`))
			return
		}
		next.ServeHTTP(w, r)
	})
	out, _ := l.released(l.config(map[string]cty.Value{"kubeconfig": cty.StringVal(blind)}))
	if !out.Succeeded() {
		t.Fatalf("got %s", out)
	}
	plan := l.harness.Plan("kubernetes", l.config(map[string]cty.Value{"kubeconfig": cty.StringVal(blind)})).GetPlan()
	says(t, plan.GetNotes(), "nothing is proven of the room there is: list Node: nodes is forbidden")
}
