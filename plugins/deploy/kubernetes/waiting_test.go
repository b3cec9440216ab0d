package kubernetes_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
)

func patience(clock, d string) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{clock: cty.StringVal(d)})
}

// Quota and nodes are full. Each new pod is refused until the old one that it
// takes the place of is gone, and that is no reason to fail.
func TestAnUpdateInPlaceUnderAFullQuota(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 4)
	l.quota(map[string]any{"requests.nvidia.com/gpu": "4"})
	l.released(l.gpus(2, 2, nil))
	var deleted atomic.Bool
	// The old pods take their time to end.
	slow := func(name string) {
		l.call(t.Context(), http.MethodPatch, "/api/v1/namespaces/"+l.namespace+"/pods/"+name+"?fieldManager=slow&force=true", map[string]any{
			"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name, "finalizers": []any{"test/slow"}},
		})
	}
	var pods []string
	items, _ := l.get("/api/v1/namespaces/" + l.namespace + "/pods")["items"].([]any)
	for _, item := range items {
		name, _ := item.(map[string]any)["metadata"].(map[string]any)["name"].(string)
		pods = append(pods, name)
		slow(name)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !deleted.Load() && t.Context().Err() == nil {
			for _, name := range pods {
				pod := l.get("/api/v1/namespaces/" + l.namespace + "/pods/" + name)
				if pod == nil || pod.Text("metadata", "deletionTimestamp") == "" || !l.refused() {
					continue
				}
				// It ends only after the next one was refused for its sake.
				l.call(t.Context(), http.MethodPatch, "/api/v1/namespaces/"+l.namespace+"/pods/"+name+"?fieldManager=slow&force=true", map[string]any{
					"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name, "finalizers": []any{}},
				})
			}
		}
	}()
	out, _ := l.released(l.gpus(2, 2, map[string]cty.Value{"image": cty.StringVal(imageB)}))
	deleted.Store(true)
	<-done
	if !strings.Contains(string(out.Stdout), "exceeded quota") {
		t.Errorf("nothing was refused: the test shows nothing: %s", out.Stdout)
	}
}

// refused reports whether a ReplicaSet says that it was refused a pod.
func (l *lab) refused() bool {
	sets, _ := l.get("/apis/apps/v1/namespaces/" + l.namespace + "/replicasets")["items"].([]any)
	for _, s := range sets {
		status, _ := s.(map[string]any)["status"].(map[string]any)
		if conditions, _ := status["conditions"].([]any); len(conditions) > 0 {
			return true
		}
	}
	return false
}

func TestAQuotaRefusalFailsAtOnceHoweverPatient(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	l.quota(map[string]any{"pods": "1"})
	began := time.Now()
	out := l.release(l.config(map[string]cty.Value{
		"replicas": cty.NumberIntVal(3), "capacity_check": cty.StringVal("warn"), "patience": patience("quota", "24h"),
	}))
	if f := out.Failure(); f.GetClass() != "quota" || !strings.Contains(f.GetDetail(), "have the quota raised") {
		t.Errorf("got %s", out)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %s", took)
	}
}

// A pod that a queue holds back has the time of the queue, and the failure names
// what holds it.
func TestAGatedPodHasTheTimeOfItsQueue(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	l.gates()
	out := l.release(l.config(map[string]cty.Value{"schedule_timeout": cty.StringVal("1h"), "patience": patience("queue", "1s")}))
	f := out.Failure()
	if f.GetClass() != "queued" {
		t.Fatalf("got %s", out)
	}
	for _, want := range []string{"It waits for the scheduling gate kueue.x-k8s.io/admission to be taken away.", "kubectl describe workload", "queue in patience is 1s"} {
		if !strings.Contains(f.GetDetail(), want) {
			t.Errorf("%q is not in %q", want, f.GetDetail())
		}
	}
}

// gates has every pod of the lab made with Kueue's gate.
func (l *lab) gates() {
	l.t.Helper()
	name := l.namespace
	policies, bindings := "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies", "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings"
	only := map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": l.namespace}}
	l.post(policies, map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"reinvocationPolicy": "Never", "failurePolicy": "Fail",
			"matchConstraints": map[string]any{
				"namespaceSelector": only,
				"resourceRules":     []any{map[string]any{"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE"}, "resources": []any{"pods"}}},
			},
			"mutations": []any{map[string]any{"patchType": "ApplyConfiguration", "applyConfiguration": map[string]any{
				"expression": `Object{spec: Object.spec{schedulingGates: [Object.spec.schedulingGates{name: "kueue.x-k8s.io/admission"}]}}`,
			}}},
		},
	})
	l.post(bindings, map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"policyName": name},
	})
	l.t.Cleanup(func() {
		for _, path := range []string{bindings, policies} {
			l.call(context.Background(), http.MethodDelete, path+"/"+name, nil)
		}
	})
	// It takes a moment until it holds.
	for {
		_, pod := l.call(l.t.Context(), http.MethodPost, "/api/v1/namespaces/"+l.namespace+"/pods?dryRun=All", map[string]any{
			"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "probe"},
			"spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": imageA}}},
		})
		if gates, _ := pod.At("spec", "schedulingGates").([]any); len(gates) > 0 {
			return
		}
		if l.t.Context().Err() != nil {
			l.t.Fatal("pods get no gate")
		}
	}
}
