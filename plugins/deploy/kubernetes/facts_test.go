package kubernetes_test

import (
	"encoding/json"
	"slices"
	"testing"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// factsOf are the facts of a plan by name.
func factsOf(plan *pluginv1.PlanResponse) map[string]*pluginv1.Fact {
	out := make(map[string]*pluginv1.Fact)
	for _, f := range plan.GetFacts() {
		out[f.GetName()] = f
	}
	return out
}

// value reads a verified fact.
func value(t *testing.T, f *pluginv1.Fact, into any) {
	t.Helper()
	if f.GetState() != pluginv1.FactState_FACT_STATE_VERIFIED {
		t.Fatalf("the fact %v is not verified", f)
	}
	if err := json.Unmarshal(f.GetValue(), into); err != nil {
		t.Fatal(err)
	}
}

// What the account may do is read from the cluster: its own bindings, those of
// its groups, and the rules of the roles behind them.
func TestRightsAreReadFromTheCluster(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	const api = "rbac.authorization.k8s.io"
	at := "/apis/" + api + "/v1/namespaces/" + l.namespace
	l.post(at+"/roles", map[string]any{
		"apiVersion": api + "/v1", "kind": "Role", "metadata": map[string]any{"name": "nosy"},
		"rules": []any{map[string]any{"apiGroups": []any{""}, "resources": []any{"secrets"}, "verbs": []any{"list"}}},
	})
	l.post(at+"/rolebindings", map[string]any{
		"apiVersion": api + "/v1", "kind": "RoleBinding", "metadata": map[string]any{"name": "nosy"},
		"roleRef":  map[string]any{"apiGroup": api, "kind": "Role", "name": "nosy"},
		"subjects": []any{map[string]any{"kind": "Group", "apiGroup": api, "name": "system:serviceaccounts:" + l.namespace}},
	})
	var rights struct {
		Rules []struct {
			From             string
			Verbs, Resources []string
		}
	}
	value(t, factsOf(l.harness.Plan("kubernetes", l.config(nil)))["access.rbac"], &rights)
	found, ours := false, false
	for _, r := range rights.Rules {
		found = found || r.From == "Role nosy" && slices.Contains(r.Verbs, "list") && slices.Contains(r.Resources, "secrets")
		ours = ours || r.From == "ClusterRole system:discovery"
	}
	if !found || !ours {
		t.Errorf("the rules are %+v", rights.Rules)
	}

	// A role that is bound and not there could be made with any rules.
	l.post(at+"/rolebindings", map[string]any{
		"apiVersion": api + "/v1", "kind": "RoleBinding", "metadata": map[string]any{"name": "dangling"},
		"roleRef":  map[string]any{"apiGroup": api, "kind": "Role", "name": "not-there"},
		"subjects": []any{map[string]any{"kind": "Group", "apiGroup": api, "name": "system:authenticated"}},
	})
	if f := factsOf(l.harness.Plan("kubernetes", l.config(nil)))["access.rbac"]; f.GetState() != pluginv1.FactState_FACT_STATE_UNKNOWN {
		t.Errorf("with a dangling binding the fact is %v", f)
	}
}

func TestSurroundingsAreReadFromTheCluster(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	facts := factsOf(l.harness.Plan("kubernetes", l.config(nil)))
	for _, name := range []string{"cluster.pod_security", "cluster.mesh", "cluster.gpu_sharing", "previous.release"} {
		if facts[name].GetState() != pluginv1.FactState_FACT_STATE_ABSENT {
			t.Errorf("%s is %v, not absent", name, facts[name])
		}
	}
	code, _ := l.call(t.Context(), "PATCH", "/api/v1/namespaces/"+l.namespace+"?fieldManager=test", map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": l.namespace, "labels": map[string]any{"pod-security.kubernetes.io/enforce": "restricted"}},
	})
	if code != 200 {
		t.Fatalf("label namespace: %d", code)
	}
	l.post("/api/v1/namespaces/"+l.namespace+"/resourcequotas", map[string]any{
		"apiVersion": "v1", "kind": "ResourceQuota", "metadata": map[string]any{"name": "small"},
		"spec": map[string]any{"hard": map[string]any{"pods": "9"}},
	})
	l.post("/apis/apps/v1/namespaces/"+l.namespace+"/deployments", map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "other", "labels": map[string]any{"stagegate.dev/revision": "abc"}},
		"spec": map[string]any{
			"replicas": 0, "selector": map[string]any{"matchLabels": map[string]any{"a": "b"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"a": "b"}},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "c", "image": imageB}}},
			},
		},
	})
	facts = factsOf(l.harness.Plan("kubernetes", l.config(nil)))
	var level string
	if value(t, facts["cluster.pod_security"], &level); level != "restricted" {
		t.Errorf("the level is %q", level)
	}
	var quotas []struct {
		Name string
		Hard map[string]string
	}
	if value(t, facts["cluster.quotas"], &quotas); len(quotas) != 1 || quotas[0].Name != "small" || quotas[0].Hard["pods"] != "9" {
		t.Errorf("the quotas are %+v", quotas)
	}
	if facts["previous.release"].GetState() != pluginv1.FactState_FACT_STATE_ABSENT {
		t.Errorf("another Deployment counts as the release before: %v", facts["previous.release"])
	}
}
