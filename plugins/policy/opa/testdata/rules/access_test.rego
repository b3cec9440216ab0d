package tests.access

import data.tests.release

test_service_account_dedicated_pass if release.passes("service_account_dedicated", data.release)

test_service_account_dedicated_fail if {
	release.only("service_account_dedicated", release.put(release.pod("/spec/serviceAccountName"), "default"))
	release.only("service_account_dedicated", release.without(release.pod("/spec/serviceAccountName")))
}

test_service_account_dedicated_unknown if release.objects_to("service_account_dedicated", release.unknown(release.objects))

test_service_account_dedicated_missing if release.objects_to("service_account_dedicated", release.without(release.objects))

test_token_not_mounted_pass if {
	release.passes("token_not_mounted", data.release)
	release.passes("token_not_mounted", release.without(release.pod("/spec/automountServiceAccountToken")))
	release.passes("token_not_mounted", release.without(release.account("/automountServiceAccountToken")))
}

test_token_not_mounted_fail if {
	release.only("token_not_mounted", release.put(release.pod("/spec/automountServiceAccountToken"), true))
	release.only("token_not_mounted", json.patch(data.release, [
		{"op": "remove", "path": release.pod("/spec/automountServiceAccountToken")},
		{"op": "remove", "path": release.account("/automountServiceAccountToken")},
	]))
	release.only("token_not_mounted", json.patch(data.release, [
		{"op": "remove", "path": release.pod("/spec/automountServiceAccountToken")},
		{"op": "replace", "path": release.account("/metadata/namespace"), "value": "other"},
	]))
}

test_token_not_mounted_unknown if release.objects_to("token_not_mounted", release.unknown(release.objects))

test_token_not_mounted_missing if release.objects_to("token_not_mounted", release.without(release.objects))

role(rule) := {"kind": "Role", "metadata": {"name": "r"}, "rules": [rule]}

test_no_wildcard_rbac_pass if {
	release.passes("no_wildcard_rbac", data.release)
	release.passes("no_wildcard_rbac", release.with_object(role({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})))
	release.passes("no_wildcard_rbac", release.with_object({"kind": "RoleBinding", "metadata": {"name": "b"}, "roleRef": {"name": "view"}}))
}

test_no_wildcard_rbac_fail if {
	every rule in [
		{"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]},
		{"apiGroups": [""], "resources": ["*"], "verbs": ["get"]},
		{"apiGroups": ["*"], "resources": ["pods"], "verbs": ["get"]},
		{"nonResourceURLs": ["/metrics/*"], "verbs": ["get"]},
		{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]},
		{"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]},
		{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate"]},
		{"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
	] {
		release.only("no_wildcard_rbac", release.with_object(role(rule)))
	}
	every name in ["cluster-admin", "admin", "edit"] {
		release.only("no_wildcard_rbac", release.with_object({"kind": "ClusterRoleBinding", "metadata": {"name": "b"}, "roleRef": {"name": name}}))
	}
	release.only("no_wildcard_rbac", release.with_object({"kind": "ClusterRole", "metadata": {"name": "r"}, "aggregationRule": {}}))
}

test_no_wildcard_rbac_unknown if release.objects_to("no_wildcard_rbac", release.unknown(release.objects))

test_no_wildcard_rbac_missing if release.objects_to("no_wildcard_rbac", release.without(release.objects))

test_account_unprivileged_pass if {
	release.passes("account_unprivileged", data.release)
	release.passes("account_unprivileged", release.artifacts_only)
	release.passes("account_unprivileged", release.put("/access/rbac/value/bindings", []))
}

test_account_unprivileged_fail if {
	every name in ["cluster-admin", "admin", "edit"] {
		release.only("account_unprivileged", release.put("/access/rbac/value/bindings/0/role", name))
	}
}

test_account_unprivileged_unknown if release.objects_to("account_unprivileged", release.unknown("/access/rbac"))

test_account_unprivileged_missing if {
	release.objects_to("account_unprivileged", release.without("/access/rbac"))
	release.objects_to("account_unprivileged", release.without("/access"))
	release.only("account_unprivileged", release.without("/access/rbac/value/bindings"))
	release.only("account_unprivileged", release.without("/access/rbac/value/bindings/0/role"))
}

rules := "/access/rbac/value/rules"

test_account_cannot_escalate_pass if {
	release.passes("account_cannot_escalate", data.release)
	release.passes("account_cannot_escalate", release.put(rules, []))
}

test_account_cannot_escalate_fail if {
	every rule in [
		{"verbs": ["*"], "resources": ["pods"]},
		{"verbs": ["get"], "resources": ["*"]},
		{"verbs": ["impersonate"], "resources": ["users"]},
		{"verbs": ["bind"], "resources": ["roles"]},
		{"verbs": ["escalate"], "resources": ["clusterroles"]},
		{"verbs": ["create"], "resources": ["serviceaccounts/token"]},
		{"verbs": ["list"], "resources": ["secrets"]},
		{"verbs": ["watch"], "resources": ["configmaps", "secrets"]},
	] {
		release.only("account_cannot_escalate", release.put(concat("", [rules, "/-"]), rule))
	}
}

test_account_cannot_escalate_unknown if {
	release.objects_to("account_cannot_escalate", release.unknown("/access/rbac"))
	release.objects_to("account_cannot_escalate", release.put(rules, null))
}

test_account_cannot_escalate_missing if {
	release.objects_to("account_cannot_escalate", release.without("/access/rbac"))
	release.only("account_cannot_escalate", release.without(rules))
	release.only("account_cannot_escalate", release.without(concat("", [rules, "/1/verbs"])))
	release.only("account_cannot_escalate", release.without(concat("", [rules, "/1/resources"])))
}
