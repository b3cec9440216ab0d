package opa

import "testing"

// catalogue is which rules of the bundle answer for each of the thirty rules
// that a release of models has to keep to.
func catalogue() [30][]string {
	return [30][]string{
		{"weights_encrypted"},
		{"encryption_keys"},
		{"encryption_algorithm"},
		{"key_rotation"},
		{"storage_encrypted"},
		{"cluster_secrets_encrypted"},
		{"registry_tls"},
		{"external_access_tls"},
		{"mesh_mtls"},
		{"load_balancer_tls"},
		{"secret_env_refs", "no_secret_objects"},
		{"no_plaintext_secrets"},
		{"images_pinned", "model_from_run"},
		{"registry_allowed"},
		{"images_signed"},
		{"models_signed"},
		{"provenance_known", "source_committed"},
		{"weights_safetensors"},
		{"service_account_dedicated", "token_not_mounted"},
		{"no_wildcard_rbac", "account_unprivileged"},
		{"account_cannot_escalate"},
		{"network_default_deny"},
		{"no_privileged", "no_host_access", "runs_as_non_root", "seccomp_profile", "capabilities_dropped", "read_only_root"},
		{"approvals_required"},
		{"deployer_allowed", "change_window"},
		{"evals_passed"},
		{"scanned"},
		{"audit_on"},
		{"break_glass_bounded"},
		{"gpu_isolated", "gpu_limits"},
	}
}

func TestBundleAnswersForEveryRule(t *testing.T) {
	t.Parallel()
	rules := builtinPolicy(t).rules.byID
	for i, answers := range catalogue() {
		if len(answers) == 0 {
			t.Errorf("nothing answers for rule %d", i+1)
		}
		denies := false
		for _, id := range answers {
			r, ok := rules[id]
			if !ok {
				t.Errorf("rule %d: the bundle has no %s", i+1, id)
				continue
			}
			denies = denies || r.Denies
		}
		if !denies {
			t.Errorf("rule %d: none of %v denies", i+1, answers)
		}
	}
}

// A team can take one group, so that each rule is in exactly one of them.
func TestGroups(t *testing.T) {
	t.Parallel()
	count := make(map[string]int)
	for _, r := range builtinPolicy(t).rules.byID {
		count[r.Group]++
	}
	for _, group := range []string{"baseline", "encryption", "access", "supply-chain", "production"} {
		if count[group] < 4 {
			t.Errorf("group %s has %d rules", group, count[group])
		}
		delete(count, group)
	}
	if len(count) > 0 {
		t.Errorf("there are further groups: %v", count)
	}
}
