# What the workload may do in the cluster.
package stagegate.access

import data.stagegate.lib

# METADATA
# title: Pods have an account of their own
# description: Each pod names a ServiceAccount that is not the namespace's default, so that rights given to one workload reach no other.
# custom:
#   id: service_account_dedicated
#   severity: medium
#   judges: deployment
#   controls: [NIST 800-53r5 AC-6, CIS Kubernetes 5.1.5]
#   facts: [workload.objects]
#   remedy: Give the workload a ServiceAccount and name it in serviceAccountName.
deny contains finding if some finding in lib.judged("service_account_dedicated", shared_accounts)

shared_accounts contains {"subject": pod.subject, "msg": "the pod runs under the namespace's default account"} if {
	some pod in lib.pods
	object.get(pod.spec, "serviceAccountName", "") in {"", "default"}
}

# METADATA
# title: Account tokens are not mounted
# description: A server does not talk to the Kubernetes API; a token in it is of use to an intruder only.
# custom:
#   id: token_not_mounted
#   severity: medium
#   judges: deployment
#   controls: [NIST 800-53r5 AC-6, CIS Kubernetes 5.1.6]
#   facts: [workload.objects]
#   remedy: Set automountServiceAccountToken to false in the pod or its ServiceAccount.
deny contains finding if some finding in lib.judged("token_not_mounted", mounted)

mounted contains {"subject": pod.subject, "msg": "the token of the pod's account is mounted"} if {
	some pod in lib.pods
	not token_off(pod)
}

token_off(pod) if lib.is_false(pod.spec.automountServiceAccountToken)

# The pod's word counts before its account's.
token_off(pod) if {
	object.get(pod.spec, "automountServiceAccountToken", null) == null
	some object_ in lib.objects
	object_.kind == "ServiceAccount"
	object_.metadata.name == pod.spec.serviceAccountName
	lib.namespace_of(object_) == pod.namespace
	lib.is_false(object_.automountServiceAccountToken)
}

# METADATA
# title: Roles are narrow
# description: No role of the plan uses a wildcard, reads Secrets in bulk, or can act as somebody else, and nothing is bound to an administrator's role.
# custom:
#   id: no_wildcard_rbac
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 AC-6, CIS Kubernetes 5.1.1, CIS Kubernetes 5.1.2, CIS Kubernetes 5.1.3, CIS Kubernetes 5.1.13]
#   facts: [workload.objects]
#   remedy: Name the verbs, groups and resources that the workload needs, one by one.
deny contains finding if some finding in lib.judged("no_wildcard_rbac", broad)

roles := [object_ | some object_ in lib.objects; object_.kind in {"Role", "ClusterRole"}]

broad contains {"subject": lib.name_of(role), "msg": sprintf("a rule has the wildcard in %s", [field])} if {
	some role in roles
	some rule in object.get(role, "rules", [])
	some field in ["verbs", "resources", "apiGroups", "nonResourceURLs"]
	some entry in object.get(rule, field, [])
	contains(entry, "*")
}

broad contains {"subject": lib.name_of(role), "msg": sprintf("a rule allows to %s secrets", [verb])} if {
	some role in roles
	some rule in object.get(role, "rules", [])
	"secrets" in object.get(rule, "resources", [])
	some verb in object.get(rule, "verbs", [])
	verb in {"list", "watch"}
}

broad contains {"subject": lib.name_of(role), "msg": sprintf("a rule allows to %s, which gives more rights", [verb])} if {
	some role in roles
	some rule in object.get(role, "rules", [])
	some verb in object.get(rule, "verbs", [])
	verb in {"impersonate", "bind", "escalate"}
}

broad contains {"subject": lib.name_of(role), "msg": "a rule allows to make tokens of accounts"} if {
	some role in roles
	some rule in object.get(role, "rules", [])
	"serviceaccounts/token" in object.get(rule, "resources", [])
	"create" in object.get(rule, "verbs", [])
}

broad contains {"subject": lib.name_of(role), "msg": "its rights come from other roles by label and are not known"} if {
	some role in roles
	role.aggregationRule
}

broad contains {"subject": lib.name_of(binding), "msg": sprintf("it binds the role %v", [binding.roleRef.name])} if {
	some binding in lib.objects
	binding.kind in {"RoleBinding", "ClusterRoleBinding"}
	administrative(binding.roleRef.name)
}

administrative(name) if name in {"cluster-admin", "admin", "edit", "system:masters"}

# METADATA
# title: The workload's account has no administrator's rights
# description: In the cluster as it is, no binding gives the workload's account an administrator's role, be it by the groups that all accounts are in.
# custom:
#   id: account_unprivileged
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 AC-6, CIS Kubernetes 5.1.1]
#   facts: [access.rbac]
#   remedy: Remove the binding, or give the workload another account. Where the deployer may not list bindings, the operator declares the fact access.rbac.
deny contains finding if some finding in lib.judged_with("account_unprivileged", rbac, "access.rbac", bound)

rbac := object.get(input, ["access", "rbac"], {})

bound contains {"subject": sprintf("%v %v", [binding.kind, binding.name]), "msg": sprintf("it gives %v the role %v", [rbac.value.account, binding.role])} if {
	some binding in rbac.value.bindings
	administrative(binding.role)
}

bound contains {"subject": "access.rbac", "msg": "the fact does not say what the account is bound to"} if {
	not readable
}

# Every binding says whom it binds to what.
readable if {
	is_string(rbac.value.account)
	is_array(rbac.value.bindings)
	every binding in rbac.value.bindings {
		is_string(binding.kind)
		is_string(binding.name)
		is_string(binding.role)
	}
}

# METADATA
# title: The workload's account cannot widen its rights
# description: The rules that the cluster really gives the workload's account, through every binding and group, hold no wildcard, do not let it make tokens, act as somebody else, bind or change roles beyond its own, or read Secrets in bulk.
# custom:
#   id: account_cannot_escalate
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 AC-6, CIS Kubernetes 5.1.13, CIS Kubernetes 5.1.2, CIS Kubernetes 5.1.3]
#   facts: [access.rbac]
#   remedy: Remove the binding that gives the right, or give the workload another account. Where the deployer may not read roles, the operator declares the fact access.rbac with its rules.
deny contains finding if some finding in lib.judged_with("account_cannot_escalate", rbac, "access.rbac", escalating)

escalating contains {"subject": "access.rbac", "msg": "the fact does not say which rules the account has"} if {
	not ruled
}

# Every rule says what it gives.
ruled if {
	is_array(rbac.value.rules)
	every rule in rbac.value.rules {
		is_array(rule.verbs)
		is_array(rule.resources)
	}
}

escalating contains {"subject": source_of(rule), "msg": "it gives the account all verbs or all resources"} if {
	some rule in rbac.value.rules
	some field in ["verbs", "resources"]
	some entry in rule[field]
	entry == "*"
	count(rule.resources) > 0
}

escalating contains {"subject": source_of(rule), "msg": sprintf("it lets the account %s, which gives more rights", [verb])} if {
	some rule in rbac.value.rules
	some verb in rule.verbs
	verb in {"impersonate", "bind", "escalate"}
}

escalating contains {"subject": source_of(rule), "msg": "it lets the account make tokens of accounts"} if {
	some rule in rbac.value.rules
	some resource in rule.resources
	resource in {"serviceaccounts/token", "serviceaccounts/*", "*/token"}
	some verb in rule.verbs
	verb in {"create", "*"}
}

escalating contains {"subject": source_of(rule), "msg": sprintf("it lets the account %s secrets", [verb])} if {
	some rule in rbac.value.rules
	"secrets" in rule.resources
	some verb in rule.verbs
	verb in {"list", "watch"}
}

source_of(rule) := object.get(rule, "from", "access.rbac")
