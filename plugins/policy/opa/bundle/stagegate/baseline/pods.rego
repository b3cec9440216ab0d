# What pods may do to the node they run on.
package stagegate.baseline

import data.stagegate.lib
import data.stagegate.parameters

# METADATA
# title: Objects are of kinds that the rules understand
# description: A kind that no rule knows could start pods unseen. A plan without any pod is not a release.
# custom:
#   id: known_objects
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 CM-7]
#   facts: [workload.objects]
#   remedy: Use the built-in workload kinds, or have the operator add the kind to the parameter extra_kinds.
deny contains finding if some finding in lib.judged("known_objects", unknown_objects)

known_kinds := {
	"ConfigMap", "CronJob", "DaemonSet", "Deployment", "HorizontalPodAutoscaler", "Ingress", "Job",
	"NetworkPolicy", "PersistentVolumeClaim", "Pod", "PodDisruptionBudget", "ReplicaSet", "Role",
	"RoleBinding", "ClusterRole", "ClusterRoleBinding", "Secret", "Service", "ServiceAccount", "StatefulSet",
}

unknown_objects contains {"subject": lib.name_of(object_), "msg": "no rule understands this kind of object"} if {
	some object_ in lib.objects
	not known_kind(object_)
}

known_kind(object_) if object_.kind in known_kinds

known_kind(object_) if object_.kind in parameters.extra_kinds

unknown_objects contains {"subject": "plan", "msg": "it holds no pod with a container"} if count(lib.containers) == 0

# METADATA
# title: Containers have no privileges
# description: No container is privileged, and each says that it can gain no privileges.
# custom:
#   id: no_privileged
#   severity: critical
#   judges: deployment
#   controls: [NIST 800-53r5 AC-6, CIS Kubernetes 5.2.2, CIS Kubernetes 5.2.6]
#   facts: [workload.objects]
#   remedy: Leave securityContext.privileged out and set securityContext.allowPrivilegeEscalation to false.
deny contains finding if some finding in lib.judged("no_privileged", privileged)

privileged contains {"subject": c.subject, "msg": "the container is privileged"} if {
	some c in lib.containers
	not lib.is_false(object.get(c, ["security", "privileged"], false))
}

privileged contains {"subject": c.subject, "msg": "the container may gain privileges"} if {
	some c in lib.containers
	not lib.is_false(object.get(c, ["security", "allowPrivilegeEscalation"], true))
}

# METADATA
# title: Pods keep away from the host
# description: No pod shares the network, process or IPC namespace of its node, mounts its files, or takes its ports.
# custom:
#   id: no_host_access
#   severity: critical
#   judges: deployment
#   controls: [NIST 800-53r5 SC-7, CIS Kubernetes 5.2.3, CIS Kubernetes 5.2.4, CIS Kubernetes 5.2.5, CIS Kubernetes 5.2.12]
#   facts: [workload.objects]
#   remedy: Remove hostNetwork, hostPID, hostIPC, hostPort and hostPath; ask for devices as resources and for files as volumes.
deny contains finding if some finding in lib.judged("no_host_access", host_access)

host_access contains {"subject": pod.subject, "msg": sprintf("the pod uses %s", [field])} if {
	some pod in lib.pods
	some field in ["hostNetwork", "hostPID", "hostIPC"]
	not lib.is_false(object.get(pod, ["spec", field], false))
}

host_access contains {"subject": volume.subject, "msg": "the volume is a path of the node"} if {
	some volume in lib.volumes
	volume.spec.hostPath
}

host_access contains {"subject": c.subject, "msg": sprintf("the container takes port %v of the node", [port.hostPort])} if {
	some c in lib.containers
	some port in object.get(c.spec, "ports", [])
	port.hostPort
}

# METADATA
# title: Containers do not run as root
# description: Each container, or its pod, says runAsNonRoot, and none asks for user 0.
# custom:
#   id: runs_as_non_root
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 AC-6, CIS Kubernetes 5.2.7]
#   facts: [workload.objects]
#   remedy: Set securityContext.runAsNonRoot to true and run as a user other than 0.
deny contains finding if some finding in lib.judged("runs_as_non_root", root)

root contains {"subject": c.subject, "msg": "the container may run as root"} if {
	some c in lib.containers
	setting := effective(c, "runAsNonRoot")
	not setting == true
}

root contains {"subject": c.subject, "msg": "the container runs as user 0"} if {
	some c in lib.containers
	effective(c, "runAsUser") == 0
}

# A container's own setting, or its pod's.
effective(c, field) := object.get(c.security, field, object.get(c.pod.security, field, null))

# METADATA
# title: Containers drop all capabilities
# description: Each container drops ALL and adds at most NET_BIND_SERVICE.
# custom:
#   id: capabilities_dropped
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 AC-6, CIS Kubernetes 5.2.8, CIS Kubernetes 5.2.9]
#   facts: [workload.objects]
#   remedy: Set securityContext.capabilities.drop to ["ALL"].
deny contains finding if some finding in lib.judged("capabilities_dropped", capable)

capable contains {"subject": c.subject, "msg": "the container does not drop all capabilities"} if {
	some c in lib.containers
	not "ALL" in object.get(c, ["security", "capabilities", "drop"], [])
}

capable contains {"subject": c.subject, "msg": sprintf("the container adds the capability %v", [name])} if {
	some c in lib.containers
	some name in object.get(c.security, ["capabilities", "add"], [])
	name != "NET_BIND_SERVICE"
}

# METADATA
# title: Containers are confined by seccomp
# description: Each container, or its pod, uses the runtime's default seccomp profile or one of the node.
# custom:
#   id: seccomp_profile
#   severity: medium
#   judges: deployment
#   controls: [NIST 800-53r5 SC-39, CIS Kubernetes 5.7.2]
#   facts: [workload.objects]
#   remedy: Set securityContext.seccompProfile.type to RuntimeDefault.
deny contains finding if some finding in lib.judged("seccomp_profile", unconfined)

unconfined contains {"subject": c.subject, "msg": "no seccomp profile confines the container"} if {
	some c in lib.containers
	profile := effective(c, "seccompProfile")
	not confines(profile)
}

confines(profile) if profile.type in {"RuntimeDefault", "Localhost"}

# METADATA
# title: Root file systems are read-only
# description: A server that cannot write its own files cannot be changed by whoever breaks in.
# custom:
#   id: read_only_root
#   severity: low
#   judges: deployment
#   controls: [NIST 800-53r5 CM-5]
#   facts: [workload.objects]
#   remedy: Set securityContext.readOnlyRootFilesystem to true and mount an emptyDir where the server must write.
warn contains finding if some finding in lib.judged("read_only_root", writable)

writable contains {"subject": c.subject, "msg": "the container can write its root file system"} if {
	some c in lib.containers
	not c.security.readOnlyRootFilesystem == true
}
