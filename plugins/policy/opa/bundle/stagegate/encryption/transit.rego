# Data on the way.
package stagegate.encryption

import data.stagegate.lib

# METADATA
# title: Registries are reached over verified TLS
# description: Everything that this run pushed, and everything that the cluster fetches, travels over TLS 1.2 or newer to a registry whose certificate was verified.
# custom:
#   id: registry_tls
#   severity: high
#   judges: artifact
#   controls: [NIST 800-53r5 SC-8(1), CIS Kubernetes 1.2.24]
#   facts: [artifacts.registry.tls, artifacts.registry.ca, registry.hosts, workload.objects]
#   remedy: Serve the registry over TLS 1.2 or newer with a certificate of a trusted authority. For a registry that the runner does not talk to itself, the operator declares the fact registry.hosts.
deny contains finding if {
	some finding in lib.findings("registry_tls", insecure_pushes) | lib.judged("registry_tls", insecure_pulls)
}

insecure_pushes contains {"subject": object.get(artifact, "name", "artifact"), "msg": "it was not seen to reach its registry over verified TLS 1.2 or newer"} if {
	some artifact in input.artifacts
	not local(object.get(artifact, "location", ""))
	not secure(object.get(artifact, "registry", {}))
	not vouched(object.get(artifact, ["registry", "host", "value"], ""))
}

# Prefixes of places on this machine; whatever else there may be is a registry.
local(location) if startswith(location, "blob:")

local(location) if startswith(location, "oci-layout:")

insecure_pulls contains {"subject": image.subject, "msg": sprintf("the registry %s is not known to be reached over verified TLS 1.2 or newer", [lib.host_of(image.ref)])} if {
	some image in lib.images
	ref := image.ref
	not securely_pulled(ref)
}

securely_pulled(ref) if {
	some artifact in input.artifacts
	artifact.registry.host.value == lib.host_of(ref)
	lib.established(artifact.registry.host)
	secure(artifact.registry)
}

securely_pulled(ref) if vouched(lib.host_of(ref))

# The deployer has looked, or the operator answers for it.
vouched(host) if {
	lib.established(input.registry.hosts)
	some entry in input.registry.hosts.value
	entry.host == host
	entry.tls in {"1.2", "1.3"}
	entry.ca == "verified"
}

secure(registry) if {
	lib.established(registry.tls)
	registry.tls.value in {"1.2", "1.3"}
	lib.established(registry.ca)
	registry.ca.value == "verified"
}

# METADATA
# title: What can be reached from outside is encrypted
# description: Every host of an Ingress has TLS, and no Service opens a port of the nodes or an address of its own to the outside.
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
	covered := {h | some entry in object.get(object_, ["spec", "tls"], []); some h in object.get(entry, "hosts", [])}
	not host in covered
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
	not type in {"ClusterIP", "ExternalName", "LoadBalancer"}
}

exposed contains {"subject": lib.name_of(object_), "msg": "the Service takes addresses from outside"} if {
	some object_ in lib.objects
	object_.kind == "Service"
	count(object.get(object_, ["spec", "externalIPs"], [])) > 0
}

# METADATA
# title: Load balancers speak TLS
# description: A Service of type LoadBalancer ends TLS on each of its ports, with a certificate that its annotations name. Annotations of AWS are understood; nothing else is known to encrypt.
# custom:
#   id: load_balancer_tls
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 SC-8]
#   facts: [workload.objects]
#   remedy: Keep the Service of type ClusterIP and publish it by an Ingress with TLS, or name certificate and TLS ports in the load balancer's annotations.
deny contains finding if some finding in lib.judged("load_balancer_tls", clear_listeners)

clear_listeners contains {"subject": lib.name_of(object_), "msg": sprintf("port %v of its load balancer is not known to speak TLS", [object.get(port, "port", "without number")])} if {
	some object_ in lib.objects
	object_.kind == "Service"
	object_.spec.type == "LoadBalancer"
	some port in listeners(object_)
	not encrypted_listener(object.get(object_, ["metadata", "annotations"], {}), port)
}

# A load balancer of which no port is known has one that is not.
listeners(service) := service.spec.ports if {
	count(service.spec.ports) > 0
} else := [{}]

encrypted_listener(notes, port) if {
	notes["service.beta.kubernetes.io/aws-load-balancer-ssl-cert"] != ""
	listed := object.get(notes, "service.beta.kubernetes.io/aws-load-balancer-ssl-ports", "*")
	some entry in split(listed, ",")
	trim_space(entry) in {"*", sprintf("%v", [port.port]), object.get(port, "name", "*")}
}

# METADATA
# title: A service mesh demands mutual TLS
# description: In the environments of production_environments, a cluster with a service mesh refuses traffic in clear to the namespace. Without a mesh there is nothing to demand.
# custom:
#   id: mesh_mtls
#   severity: medium
#   judges: deployment
#   controls: [NIST 800-53r5 SC-8(1)]
#   facts: [cluster.mesh]
#   remedy: Set the mesh's PeerAuthentication of the namespace to STRICT. Where the deployer may not read it, the operator declares the fact cluster.mesh.
deny contains finding if some finding in lib.demanded("mesh_mtls", permissive)

permissive contains {"subject": "cluster.mesh", "msg": "it is not known that the mesh, if there is one, demands mutual TLS"} if {
	mesh := object.get(input, ["cluster", "mesh"], {})
	not seen_absent(mesh)
	not strict(mesh)
}

strict(mesh) if {
	lib.established(mesh)
	mesh.value.mtls == "strict"
}
