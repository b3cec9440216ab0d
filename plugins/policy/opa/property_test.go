package opa

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/stagegate/stagegate/sdk"
)

// change is one way to break the release that passes: a value at a path. Paths
// are keys and list positions; "-" appends.
type change struct {
	path  []string
	value any
}

func at(path string, value any) change {
	return change{strings.Split(strings.Trim(path, "/"), "/"), value}
}

// breaks has at least one change for each way in which the rules deny.
func breaks() map[string]change {
	const (
		pod       = "workload/objects/value/3/spec/template/spec"
		container = pod + "/containers/0"
		network   = "workload/objects/value/1/spec"
		other     = "registry.example/web@sha256:5555555555555555555555555555555555555555555555555555555555555555"
	)
	object := func(kind string, rest string) any {
		var v map[string]any
		_ = json.Unmarshal([]byte(`{"kind":"`+kind+`","metadata":{"name":"x","namespace":"models"}`+rest+`}`), &v)
		return v
	}
	return map[string]change{
		"image by tag":      at(container+"/image", "registry.example/web:latest"),
		"foreign registry":  at(container+"/image", "nvcr.io/x@sha256:5555555555555555555555555555555555555555555555555555555555555555"),
		"model elsewhere":   at(pod+"/volumes/1/image/reference", other),
		"push in clear":     at("artifacts/0/registry/tls/value", "none"),
		"unverified CA":     at("artifacts/1/registry/ca/value", "none"),
		"secret variable":   at(container+"/env/-", map[string]any{"name": "DB_PASSWORD", "value": "hunter2"}),
		"Secret object":     at("workload/objects/value/-", object("Secret", `,"data":{"a":"b"}`)),
		"strange object":    at("workload/objects/value/-", object("Rollout", "")),
		"privileged":        at(container+"/securityContext/privileged", true),
		"escalation":        at(container+"/securityContext/allowPrivilegeEscalation", true),
		"host network":      at(pod+"/hostNetwork", true),
		"host path":         at(pod+"/volumes/-", map[string]any{"name": "h", "hostPath": map[string]any{"path": "/"}}),
		"root":              at(container+"/securityContext/runAsNonRoot", false),
		"user 0":            at(container+"/securityContext/runAsUser", 0),
		"capability":        at(container+"/securityContext/capabilities/drop", []any{"NET_RAW"}),
		"unconfined":        at(pod+"/securityContext/seccompProfile/type", "Unconfined"),
		"default account":   at(pod+"/serviceAccountName", "default"),
		"token mounted":     at(pod+"/automountServiceAccountToken", true),
		"wildcard role":     at("workload/objects/value/-", object("Role", `,"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["*"]}]`)),
		"account bound":     at("access/rbac/value/bindings/0/role", "cluster-admin"),
		"no egress policy":  at(network+"/policyTypes", []any{"Ingress"}),
		"open egress":       at(network+"/egress/1/to/0/ipBlock/cidr", "0.0.0.0/0"),
		"node port":         at("workload/objects/value/2/spec/type", "NodePort"),
		"plain Ingress":     at("workload/objects/value/-", object("Ingress", `,"spec":{"rules":[{"host":"a.example"}]}`)),
		"plain storage":     at("workload/objects/value/-", object("PersistentVolumeClaim", `,"spec":{"storageClassName":"plain"}`)),
		"foreign claim":     at(pod+"/volumes/-", map[string]any{"name": "v", "persistentVolumeClaim": map[string]any{"claimName": "old"}}),
		"pickle":            at("artifacts/0/format/value", "pickle"),
		"threshold missed":  at("evals/0/metrics/0/value", 0.5),
		"not met":           at("evals/0/thresholds/0/met", false),
		"other evaluated":   at("evals/0/subject_digest", "sha256:5555555555555555555555555555555555555555555555555555555555555555"),
		"dirty tree":        at("run/git/clean/value", false),
		"too many GPUs":     at(container+"/resources/limits/nvidia.com~gpu", 99),
		"objects unknown":   at("workload/objects/state", "unknown"),
		"rights unknown":    at("access/rbac/state", "absent"),
		"weak cipher":       at("artifacts/0/encryption/value", "AES-128-ECB"),
		"key in the clear":  at("artifacts/0/keys/value", []any{"AGE-SECRET-KEY-1X"}),
		"old key":           at("encryption/keys/value/0/rotated", "2020-01-01T00:00:00Z"),
		"Secrets in clear":  at("cluster/secret_encryption/value", "identity"),
		"permissive mesh":   at("cluster/mesh", map[string]any{"state": "verified", "value": map[string]any{"mtls": "permissive"}, "source": "", "checked_at": nil}),
		"open listener":     at("workload/objects/value/2/spec/type", "LoadBalancer"),
		"account may bind":  at("access/rbac/value/rules/1/verbs", []any{"bind"}),
		"image not signed":  at("artifacts/1/signatures/value", []any{"oms"}),
		"model not signed":  at("artifacts/0/signatures/value", []any{"cosign"}),
		"no source":         at("artifacts/1/provenance/value/source_uri", ""),
		"critical":          at("artifacts/0/scans/value/0/critical", 3),
		"old scan":          at("artifacts/1/scans/value/0/database_age_days", 40),
		"one approval":      at("access/approval/value/required", 1),
		"own approval":      at("access/approval/value/allow_self", true),
		"slow approval":     at("access/approval/value/lifetime_seconds", 9e6),
		"actor unknown":     at("access/actor/state", "unknown"),
		"no audit log":      at("cluster/audit_log/value", false),
		"emergency":         at("access/break_glass", map[string]any{"state": "declared", "value": map[string]any{"who": "grace", "reason": "x", "ticket": "", "expires": "2026-03-01T14:00:00Z"}, "source": "", "checked_at": nil}),
		"shared GPU":        at("cluster/gpu_sharing/value/0/sharing", "time-slicing"),
		"secret reference":  at(container+"/env/-", map[string]any{"name": "T", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "t"}}}),
		"second eval fails": at("evals/-", map[string]any{"stage": "e", "subject_digest": "sha256:2222222222222222222222222222222222222222222222222222222222222222", "metrics": []any{}, "thresholds": []any{map[string]any{"metric": "m", "min": 1, "max": nil, "met": false}}}),
	}
}

// applyChange sets a value in doc and returns the place with "-" resolved.
func applyChange(t *testing.T, doc any, c change) []string {
	t.Helper()
	path := slices.Clone(c.path)
	for i, key := range path {
		path[i] = strings.ReplaceAll(key, "~", "/")
	}
	parent := doc
	for i, key := range path[:len(path)-1] {
		switch p := parent.(type) {
		case map[string]any:
			parent = p[key]
			// Appending makes a new list, which its owner must get.
			if list, ok := parent.([]any); ok && path[i+1] == "-" {
				path[i+1] = strconv.Itoa(len(list))
				p[key] = append(list, c.value)
				return path
			}
		case []any:
			n, err := strconv.Atoi(key)
			if err != nil {
				t.Fatal(err)
			}
			parent = p[n]
		}
	}
	m, ok := parent.(map[string]any)
	if !ok {
		t.Fatalf("%s is in a %T", strings.Join(path, "/"), parent)
	}
	m[path[len(path)-1]] = c.value
	return path
}

// removals calls visit with the path and a document for everything that can be
// taken out of doc: each key of each object, each element of each list.
func removals(doc any, visit func(path []string, without any)) {
	var walk func(value any, path []string, rebuild func(any) any)
	walk = func(value any, path []string, rebuild func(any) any) {
		switch v := value.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				rest := make(map[string]any, len(v))
				for k, e := range v {
					if k != key {
						rest[k] = e
					}
				}
				here := append(slices.Clone(path), key)
				visit(here, rebuild(rest))
				walk(v[key], here, func(inner any) any {
					out := make(map[string]any, len(v))
					for k, e := range v {
						out[k] = e
					}
					out[key] = inner
					return rebuild(out)
				})
			}
		case []any:
			for i := range v {
				here := append(slices.Clone(path), strconv.Itoa(i))
				visit(here, rebuild(slices.Delete(slices.Clone(v), i, i+1)))
				walk(v[i], here, func(inner any) any {
					out := slices.Clone(v)
					out[i] = inner
					return rebuild(out)
				})
			}
		}
	}
	walk(doc, nil, func(v any) any { return v })
}

// repairs reports whether taking path away undoes the change itself: it is the
// change's place, above it, or below it, inside what the plan or the record
// holds. Above is only meant within one rendered object or one record; taking
// away a whole fact, or all objects, is no repair.
func repairs(path, changed []string) bool {
	if changed[1] == "gpu_sharing" && path[len(path)-1] == "resources" {
		return true // without accelerators none is shared
	}
	n := min(len(path), len(changed))
	if !slices.Equal(path[:n], changed[:n]) {
		return false
	}
	if len(path) >= len(changed) {
		return true
	}
	root := strings.Join(changed[:min(3, len(changed))], "/")
	switch {
	case root == "workload/objects/value":
		return len(path) > 3
	case changed[0] == "evals" || changed[0] == "artifacts":
		return len(path) == 2 // the record as a whole
	case root == "access/rbac/value":
		return len(path) == 5 // the binding, or rule, as a whole
	case root == "cluster/gpu_sharing/value":
		return len(path) == 4 // the node as a whole
	}
	return false
}

// Removing anything from a document that is denied never makes it pass: what is
// missing is not known to be good.
func TestRemovingNeverTurnsDenyIntoAllow(t *testing.T) {
	t.Parallel()
	p := builtinPolicy(t)
	release := readFile(t, "testdata/release.json")
	for name, c := range breaks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var doc any
			if err := json.Unmarshal(release, &doc); err != nil {
				t.Fatal(err)
			}
			changed := applyChange(t, doc, c)
			if v := verdictOf(t, p, doc); v != sdk.VerdictDeny {
				t.Fatalf("the broken release is not denied: %v", v)
			}
			tried := 0
			removals(doc, func(path []string, without any) {
				// Nobody reads who says a fact and when: once is enough.
				if last := path[len(path)-1]; (last == "source" || last == "checked_at") && name != "root" {
					return
				}
				if tried++; (tried+len(name))%stride != 0 {
					return
				}
				if verdictOf(t, p, without) == sdk.VerdictPass && !repairs(path, changed) {
					t.Errorf("without %s it passes", strings.Join(path, "/"))
				}
			})
			if tried < 250 {
				t.Errorf("only %d removals tried", tried)
			}
		})
	}
}

// verdictOf is the verdict; what cannot be evaluated is VerdictError.
func verdictOf(t *testing.T, p *policy, doc any) sdk.PolicyVerdict {
	t.Helper()
	input, err := ast.InterfaceToValue(doc)
	if err != nil {
		t.Fatal(err)
	}
	results, err := p.evaluate(t.Context(), input)
	if err != nil {
		return sdk.VerdictError
	}
	for name, list := range results {
		if found, ok := list.([]any); strings.HasSuffix(name, "/deny") && (!ok || len(found) > 0) {
			return sdk.VerdictDeny
		}
	}
	return sdk.VerdictPass
}

// Every fact that rules rest on matters: without it, the release is denied.
func TestEveryFactIsNeeded(t *testing.T) {
	t.Parallel()
	p := builtinPolicy(t)
	for _, fact := range []string{
		"workload/objects", "access/rbac", "run/git/commit", "run/git/clean",
		"artifacts/0/keys", "artifacts/0/signatures", "artifacts/0/signer", "artifacts/0/provenance", "artifacts/0/scans",
		"encryption/keys", "cluster/secret_encryption", "cluster/audit_log", "cluster/gpu_sharing", "access/actor", "access/approval", "run/audit",
		"artifacts/0/format", "artifacts/0/registry/tls", "artifacts/0/registry/ca",
	} {
		for _, state := range []string{"unknown", "absent", "", "VERIFIED"} {
			t.Run(fmt.Sprintf("%s %q", fact, state), func(t *testing.T) {
				t.Parallel()
				var doc any
				if err := json.Unmarshal(readFile(t, "testdata/release.json"), &doc); err != nil {
					t.Fatal(err)
				}
				applyChange(t, doc, at(fact+"/state", state))
				if v := verdictOf(t, p, doc); v == sdk.VerdictPass {
					t.Error("it passes")
				}
			})
		}
	}
}
