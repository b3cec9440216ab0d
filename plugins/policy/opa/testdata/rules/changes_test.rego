package tests.changes

import data.tests.release

staging := {"op": "replace", "path": "/target/environment", "value": "staging"}

absent := {"state": "absent", "value": null, "source": "test", "checked_at": null}

elsewhere(doc) := json.patch(doc, [staging])

test_approvals_required_pass if {
	release.passes("approvals_required", data.release)
	release.passes("approvals_required", elsewhere(release.put("/access/approval", absent)))
}

test_approvals_required_fail if {
	release.only("approvals_required", release.put("/access/approval", absent))
	release.only("approvals_required", release.put("/access/approval/value/required", 1))
	release.only("approvals_required", release.put("/access/approval/value/allow_self", true))
	release.only("approvals_required", release.put("/access/approval/value/lifetime_seconds", 86401))
	release.objects_to("approvals_required", data.release) with data.stagegate.parameters.min_approvals as 3
}

test_approvals_required_unknown if release.only("approvals_required", release.unknown("/access/approval"))

test_approvals_required_missing if {
	release.only("approvals_required", release.without("/access/approval"))
	every field in ["required", "allow_self", "lifetime_seconds"] {
		release.only("approvals_required", release.without(sprintf("/access/approval/value/%s", [field])))
	}
	release.objects_to("approvals_required", json.patch(release.without("/access/approval"), [{"op": "remove", "path": "/target/environment"}]))
}

listed(list) := ids if {
	ids := release.denied(data.release) with data.stagegate.parameters.deployers as {"production": list}
}

test_deployer_allowed_pass if {
	release.passes("deployer_allowed", data.release)
	listed(["ada"]) == set()
	listed(["group:release"]) == set()
	release.passes("deployer_allowed", elsewhere(release.unknown("/access/actor")))
}

test_deployer_allowed_fail if {
	listed(["grace", "group:other", "release"]) == {"deployer_allowed"}
	listed([]) == {"deployer_allowed"}
}

test_deployer_allowed_unknown if {
	release.only("deployer_allowed", release.unknown("/access/actor"))
	"deployer_allowed" in release.denied(release.unknown("/access/groups")) with data.stagegate.parameters.deployers as {"production": ["group:release"]}
}

test_deployer_allowed_missing if {
	release.only("deployer_allowed", release.without("/access/actor"))
	"deployer_allowed" in release.denied(release.without("/access/groups")) with data.stagegate.parameters.deployers as {"production": ["group:release"]}
}

# The release is decided on Sunday, 1 March 2026, 12:00.
windowed(doc, window) := ids if {
	ids := release.denied(doc) with data.stagegate.parameters.change_windows as {"production": [window]}
}

test_change_window_pass if {
	release.passes("change_window", data.release)
	windowed(data.release, {"days": ["Saturday", "Sunday"], "from": "12:00", "to": "12:01"}) == set()
}

test_change_window_fail if {
	every window in [
		{"days": ["Sunday"], "from": "08:00", "to": "12:00"},
		{"days": ["Sunday"], "from": "12:01", "to": "18:00"},
		{"days": ["Monday"], "from": "00:00", "to": "24:00"},
		{"days": [], "from": "00:00", "to": "24:00"},
		{},
	] {
		windowed(data.release, window) == {"change_window"}
	}
}

test_change_window_unknown if {
	release.objects_to("change_window", release.put("/now", "noon"))
	release.objects_to("change_window", release.put("/target/environment", null))
}

test_change_window_missing if {
	release.objects_to("change_window", release.without("/now"))
	release.objects_to("change_window", release.without("/target/environment"))
}

test_audit_on_pass if {
	release.passes("audit_on", data.release)
	release.passes("audit_on", elsewhere(release.unknown("/cluster/audit_log")))
}

test_audit_on_fail if {
	release.only("audit_on", release.put("/cluster/audit_log/value", false))
	release.only("audit_on", release.put("/run/audit/value", false))
	release.only("audit_on", release.put("/cluster/audit_log", absent))
}

test_audit_on_unknown if {
	release.only("audit_on", release.unknown("/cluster/audit_log"))
	release.only("audit_on", release.unknown("/run/audit"))
}

test_audit_on_missing if {
	release.only("audit_on", release.without("/cluster/audit_log"))
	release.only("audit_on", release.without("/run/audit"))
}

emergency := {"who": "grace", "reason": "outage", "ticket": "INC-1", "expires": "2026-03-01T14:00:00Z"}

broken(change) := release.put("/access/break_glass", release.verified(object.union(emergency, change)))

test_break_glass_bounded_pass if {
	release.passes("break_glass_bounded", data.release)
	release.passes("break_glass_bounded", broken({}))
	"break_glass_bounded" in release.warned(broken({}))
	not "break_glass_bounded" in release.warned(data.release)
}

test_break_glass_bounded_fail if {
	every change in [
		{"who": ""}, {"reason": ""}, {"ticket": ""}, {"expires": "2026-03-01T12:00:00Z"},
		{"expires": "2026-03-01T16:00:01Z"}, {"expires": "tonight"},
	] {
		release.only("break_glass_bounded", broken(change))
	}
}

test_break_glass_bounded_unknown if release.only("break_glass_bounded", release.unknown("/access/break_glass"))

test_break_glass_bounded_missing if {
	release.only("break_glass_bounded", release.without("/access/break_glass"))
	every field in object.keys(emergency) {
		release.only("break_glass_bounded", release.put("/access/break_glass", release.verified(object.remove(emergency, [field]))))
	}
}

test_gpu_isolated_pass if {
	release.passes("gpu_isolated", data.release)
	release.passes("gpu_isolated", release.put("/cluster/gpu_sharing/value/0/sharing", "mig"))
	release.passes("gpu_isolated", elsewhere(release.unknown("/cluster/gpu_sharing")))
	# Without accelerators there is nothing to share.
	release.passes("gpu_isolated", json.patch(release.unknown("/cluster/gpu_sharing"), [
		{"op": "remove", "path": release.container("/resources/limits/nvidia.com~1gpu")},
		{"op": "remove", "path": release.container("/resources/requests/nvidia.com~1gpu")},
	]))
}

test_gpu_isolated_fail if {
	every sharing in ["time-slicing", "mps", "unknown", ""] {
		release.only("gpu_isolated", release.put("/cluster/gpu_sharing/value/0/sharing", sharing))
	}
	release.objects_to("gpu_isolated", release.put(release.container("/resources/limits/nvidia.com~1gpu.shared"), 1))
}

test_gpu_isolated_unknown if {
	release.only("gpu_isolated", release.unknown("/cluster/gpu_sharing"))
	release.objects_to("gpu_isolated", release.unknown(release.objects))
}

test_gpu_isolated_missing if {
	release.only("gpu_isolated", release.without("/cluster/gpu_sharing"))
	release.only("gpu_isolated", release.without("/cluster/gpu_sharing/value/0/sharing"))
	release.objects_to("gpu_isolated", release.without(release.objects))
}

all_set(doc) := ids if {
	ids := release.warned(doc) with data.stagegate.parameters.allowed_builders as ["b"]
		with data.stagegate.parameters.allowed_signers as ["s"]
		with data.stagegate.parameters.allowed_sources as ["u"]
		with data.stagegate.parameters.allowed_keys as {"production": ["k"]}
		with data.stagegate.parameters.deployers as {"production": ["ada"]}
}

test_parameters_set_pass if {
	not "parameters_set" in all_set(data.release)
	not "parameters_set" in release.warned(elsewhere(data.release))
}

test_parameters_set_fail if "parameters_set" in release.warned(data.release)

test_parameters_set_unknown if "parameters_set" in all_set(release.put("/target/environment", null))

test_parameters_set_missing if "parameters_set" in all_set(release.without("/target/environment"))
