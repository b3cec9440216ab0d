# Who can talk to the workload, and whom it can talk to.
package stagegate.network

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

# METADATA
# title: What can be reached from outside is encrypted
# description: Every host of an Ingress has TLS, and no Service opens a port of its own to the outside.
# custom:
#   id: external_access_tls
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 SC-8(1)]
#   facts: [workload.objects]
#   remedy: Keep the Service of type ClusterIP and publish it by an Ingress with a tls entry for each host.
deny contains finding if some finding in lib.judged("external_access_tls", exposed)

exposed contains {"subject": lib.name_of(object_), "msg": sprintf("the host %s has no TLS", [host])} if {
	some object_ in lib.objects
	object_.kind == "Ingress"
	some rule in object.get(object_, ["spec", "rules"], [])
	host := object.get(rule, "host", "*")
	encrypted := {h | some entry in object.get(object_, ["spec", "tls"], []); some h in object.get(entry, "hosts", [])}
	not host in encrypted
}

exposed contains {"subject": lib.name_of(object_), "msg": "its default backend has no TLS"} if {
	some object_ in lib.objects
	object_.kind == "Ingress"
	object_.spec.defaultBackend
	count(object.get(object_, ["spec", "tls"], [])) == 0
}

exposed contains {"subject": lib.name_of(object_), "msg": sprintf("a Service of type %v is reached from outside without TLS that could be seen", [type])} if {
	some object_ in lib.objects
	object_.kind == "Service"
	type := object.get(object_, ["spec", "type"], "ClusterIP")
	not type in {"ClusterIP", "ExternalName"}
}

exposed contains {"subject": lib.name_of(object_), "msg": "the Service takes addresses from outside"} if {
	some object_ in lib.objects
	object_.kind == "Service"
	count(object.get(object_, ["spec", "externalIPs"], [])) > 0
}
