# Who can talk to the workload, and whom it can talk to.
package stagegate.baseline

import data.stagegate.lib

# METADATA
# title: Networks are closed by default
# description: A NetworkPolicy of the plan selects each pod for both directions, and none of those that select it opens one of them to everybody.
# custom:
#   id: network_default_deny
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 SC-7, CIS Kubernetes 5.3.2]
#   facts: [workload.objects]
#   remedy: Add a NetworkPolicy with policyTypes Ingress and Egress that names ports and peers.
deny contains finding if some finding in lib.judged("network_default_deny", open)

policies := [object_ | some object_ in lib.objects; object_.kind == "NetworkPolicy"]

open contains {"subject": pod.subject, "msg": sprintf("no NetworkPolicy closes %s", [direction])} if {
	some pod in lib.pods
	some direction in ["Ingress", "Egress"]
	not closed(pod, direction)
}

open contains {"subject": lib.name_of(policy), "msg": "it lets everything in"} if {
	some policy in policies
	some rule in object.get(policy, ["spec", "ingress"], [])
	count(rule) == 0
}

open contains {"subject": lib.name_of(policy), "msg": "it lets traffic out to everywhere"} if {
	some policy in policies
	some rule in object.get(policy, ["spec", "egress"], [])
	count(object.get(rule, "to", [])) == 0
}

open contains {"subject": lib.name_of(policy), "msg": sprintf("it lets traffic out to %s", [peer.ipBlock.cidr])} if {
	some policy in policies
	some rule in object.get(policy, ["spec", "egress"], [])
	some peer in object.get(rule, "to", [])
	endswith(peer.ipBlock.cidr, "/0")
}

closed(pod, direction) if {
	some policy in policies
	lib.namespace_of(policy) == pod.namespace
	selects(policy.spec.podSelector, pod.labels)
	direction in policy.spec.policyTypes
}

# Selectors by expression are not followed: they count as selecting nothing.
selects(selector, labels) if {
	count(object.get(selector, "matchExpressions", [])) == 0
	every key, value in object.get(selector, "matchLabels", {}) {
		labels[key] == value
	}
}
