package tests.pods

import data.tests.release

test_known_objects_pass if {
	release.passes("known_objects", data.release)
	release.passes("known_objects", release.with_object({"kind": "Rollout", "metadata": {"name": "r"}})) with data.stagegate.parameters.extra_kinds as ["Rollout"]
}

test_known_objects_fail if {
	release.only("known_objects", release.with_object({"kind": "Rollout", "metadata": {"name": "r"}}))
	release.only("known_objects", release.with_object({"metadata": {"name": "r"}}))
	release.objects_to("known_objects", release.put("/workload/objects/value", []))
	release.objects_to("known_objects", release.put(release.pod("/spec/containers"), []))
}

test_known_objects_unknown if release.objects_to("known_objects", release.unknown(release.objects))

test_known_objects_missing if release.objects_to("known_objects", release.without(release.objects))

# Pods are found wherever a kind keeps them, known or not.
test_pods_of_every_kind if {
	spec := {"containers": [{"name": "c", "image": "busybox"}]}
	every object_ in [
		{"kind": "Pod", "spec": spec},
		{"kind": "Job", "spec": {"template": {"spec": spec}}},
		{"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}},
		{"kind": "Strange", "spec": {"template": {"spec": spec}}},
	] {
		release.objects_to("images_pinned", release.with_object(object_))
	}
}

test_no_privileged_pass if {
	release.passes("no_privileged", data.release)
	release.passes("no_privileged", release.without(release.container("/securityContext/privileged")))
}

test_no_privileged_fail if {
	release.only("no_privileged", release.put(release.container("/securityContext/privileged"), true))
	release.only("no_privileged", release.put(release.container("/securityContext/privileged"), "yes"))
	release.only("no_privileged", release.put(release.container("/securityContext/allowPrivilegeEscalation"), true))
	release.only("no_privileged", release.without(release.container("/securityContext/allowPrivilegeEscalation")))
}

test_no_privileged_unknown if release.objects_to("no_privileged", release.unknown(release.objects))

test_no_privileged_missing if release.objects_to("no_privileged", release.without(release.objects))

test_no_host_access_pass if {
	release.passes("no_host_access", data.release)
	release.passes("no_host_access", release.put(release.pod("/spec/hostNetwork"), false))
}

test_no_host_access_fail if {
	every field in ["hostNetwork", "hostPID", "hostIPC"] {
		release.only("no_host_access", release.put(release.pod(concat("", ["/spec/", field])), true))
	}
	release.only("no_host_access", release.put(release.pod("/spec/volumes/0"), {"name": "h", "hostPath": {"path": "/"}}))
	release.only("no_host_access", release.put(release.container("/ports/0/hostPort"), 80))
}

test_no_host_access_unknown if release.objects_to("no_host_access", release.unknown(release.objects))

test_no_host_access_missing if release.objects_to("no_host_access", release.without(release.objects))

test_runs_as_non_root_pass if {
	release.passes("runs_as_non_root", data.release)
	release.passes("runs_as_non_root", json.patch(data.release, [
		{"op": "remove", "path": release.pod("/spec/securityContext/runAsNonRoot")},
		{"op": "add", "path": release.container("/securityContext/runAsNonRoot"), "value": true},
	]))
}

test_runs_as_non_root_fail if {
	release.only("runs_as_non_root", release.without(release.pod("/spec/securityContext/runAsNonRoot")))
	release.only("runs_as_non_root", release.put(release.container("/securityContext/runAsNonRoot"), false))
	release.only("runs_as_non_root", release.put(release.container("/securityContext/runAsUser"), 0))
	release.only("runs_as_non_root", release.put(release.pod("/spec/securityContext/runAsUser"), 0))
}

test_runs_as_non_root_unknown if release.objects_to("runs_as_non_root", release.unknown(release.objects))

test_runs_as_non_root_missing if release.objects_to("runs_as_non_root", release.without(release.objects))

test_capabilities_dropped_pass if {
	release.passes("capabilities_dropped", data.release)
	release.passes("capabilities_dropped", release.put(release.container("/securityContext/capabilities/add"), ["NET_BIND_SERVICE"]))
}

test_capabilities_dropped_fail if {
	release.only("capabilities_dropped", release.put(release.container("/securityContext/capabilities/drop"), ["NET_RAW"]))
	release.only("capabilities_dropped", release.without(release.container("/securityContext/capabilities")))
	release.only("capabilities_dropped", release.put(release.container("/securityContext/capabilities/add"), ["SYS_ADMIN"]))
}

test_capabilities_dropped_unknown if release.objects_to("capabilities_dropped", release.unknown(release.objects))

test_capabilities_dropped_missing if release.objects_to("capabilities_dropped", release.without(release.objects))

test_seccomp_profile_pass if {
	release.passes("seccomp_profile", data.release)
	release.passes("seccomp_profile", release.put(release.container("/securityContext/seccompProfile"), {"type": "Localhost"}))
}

test_seccomp_profile_fail if {
	release.only("seccomp_profile", release.put(release.container("/securityContext/seccompProfile"), {"type": "Unconfined"}))
	release.only("seccomp_profile", release.without(release.pod("/spec/securityContext/seccompProfile")))
}

test_seccomp_profile_unknown if release.objects_to("seccomp_profile", release.unknown(release.objects))

test_seccomp_profile_missing if release.objects_to("seccomp_profile", release.without(release.objects))

test_read_only_root_pass if not "read_only_root" in release.warned(data.release)

test_read_only_root_fail if {
	"read_only_root" in release.warned(release.put(release.container("/securityContext/readOnlyRootFilesystem"), false))
	"read_only_root" in release.warned(release.without(release.container("/securityContext/readOnlyRootFilesystem")))
}

test_read_only_root_unknown if "read_only_root" in release.warned(release.unknown(release.objects))

test_read_only_root_missing if "read_only_root" in release.warned(release.without(release.objects))
