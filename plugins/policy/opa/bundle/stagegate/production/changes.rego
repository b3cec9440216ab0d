# Who may change production, and when.
package stagegate.production

import data.stagegate.lib
import data.stagegate.parameters

# METADATA
# title: People approve the plan
# description: In the environments of production_environments the stage waits for at least min_approvals approvals of this very plan, none of them by whoever started the run, none older than max_approval_hours. The runner counts them before it applies.
# custom:
#   id: approvals_required
#   severity: critical
#   judges: deployment
#   controls: [NIST 800-53r5 AC-3(2), NIST 800-53r5 CM-3, NIST 800-53r5 AC-5]
#   facts: [access.approval]
#   remedy: Give the stage an approval block with approvals of at least min_approvals and a short enough expires, and let nobody approve his own run.
deny contains finding if some finding in lib.demanded("approvals_required", unapproved)

unapproved := lib.unknown(["access", "approval"]) | lax

approval := input.access.approval.value if lib.established(input.access.approval)

lax contains {"subject": "access.approval", "msg": sprintf("the stage asks for fewer than %v approvals", [parameters.min_approvals])} if {
	is_object(approval)
	not enough
}

enough if approval.required >= parameters.min_approvals

lax contains {"subject": "access.approval", "msg": "whoever started the run may approve it"} if {
	is_object(approval)
	not lib.is_false(object.get(approval, "allow_self", true))
}

lax contains {"subject": "access.approval", "msg": sprintf("an approval counts for more than %v hours", [parameters.max_approval_hours])} if {
	is_object(approval)
	not brief
}

brief if {
	is_number(approval.lifetime_seconds)
	approval.lifetime_seconds <= parameters.max_approval_hours * 3600
}

# METADATA
# title: Those who deploy are allowed to
# description: In the environments of production_environments it is known who runs the runner. Where the parameter deployers names accounts or groups of the environment, it is one of those.
# custom:
#   id: deployer_allowed
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 AC-2, NIST 800-53r5 AC-3, NIST 800-53r5 CM-5]
#   facts: [access.actor, access.groups]
#   remedy: Have somebody whom the parameter deployers names run the pipeline.
deny contains finding if some finding in lib.demanded("deployer_allowed", foreign_deployers)

foreign_deployers := lib.unknown(["access", "actor"]) | strangers

strangers contains {"subject": "access.actor", "msg": sprintf("%v may not deploy to %v", [input.access.actor.value, input.target.environment])} if {
	listed := parameters.deployers[input.target.environment]
	not may_deploy(listed)
}

may_deploy(listed) if input.access.actor.value in listed

may_deploy(listed) if {
	lib.established(input.access.groups)
	some group in input.access.groups.value
	sprintf("group:%s", [group]) in listed
}

# METADATA
# title: Changes happen in their window
# description: Where the parameter change_windows has windows of the environment, the decision falls into one of them. Days and hours are those of UTC.
# custom:
#   id: change_window
#   severity: medium
#   judges: deployment
#   controls: [NIST 800-53r5 CM-5]
#   facts: [now, target.environment]
#   remedy: Run the pipeline again within the window.
deny contains finding if {
	lib.deploys
	some finding in lib.findings("change_window", untimely)
}

untimely contains {"subject": "now", "msg": "the time of the decision is not known"} if {
	not lib.timely(object.get(input, "now", ""))
}

untimely contains {"subject": "now", "msg": "the environment is not known, so neither are its windows"} if {
	not is_string(object.get(input, ["target", "environment"], null))
}

untimely contains {"subject": "now", "msg": sprintf("%v is in no change window of %v", [input.now, input.target.environment])} if {
	windows := parameters.change_windows[input.target.environment]
	not within(windows)
}

within(windows) if {
	lib.timely(input.now)
	moment := time.parse_rfc3339_ns(input.now)
	[hour, minute, _] := time.clock(moment)
	clock := sprintf("%02d:%02d", [hour, minute])
	some window in windows
	time.weekday(moment) in window.days
	clock >= window.from
	clock < window.to
}

# METADATA
# title: What is done is recorded
# description: In the environments of production_environments the runner keeps a signed record of decisions and releases, and the cluster's audit log is on, as the operator declares in the fact cluster.audit_log.
# custom:
#   id: audit_on
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 AU-9, NIST 800-53r5 AU-10, NIST 800-53r5 AU-12, CIS Kubernetes 1.2.16]
#   facts: [run.audit, cluster.audit_log]
#   remedy: Switch the API server's audit log on, and have the operator declare the fact cluster.audit_log as true.
deny contains finding if some finding in lib.demanded("audit_on", unrecorded)

unrecorded := (lib.unknown(["run", "audit"]) | lib.unknown(["cluster", "audit_log"])) | switched_off

switched_off contains {"subject": concat(".", path), "msg": "nothing is recorded"} if {
	some path in [["run", "audit"], ["cluster", "audit_log"]]
	value := object.get(input, array.concat(path, ["value"]), null)
	value != null
	not value == true
}

# METADATA
# title: Breaking the glass is bounded
# description: When the operator declares in the fact access.break_glass that an emergency sets rules aside, it names who, why and a ticket to follow up, and ends within max_break_glass_hours.
# custom:
#   id: break_glass_bounded
#   severity: critical
#   judges: deployment
#   controls: [NIST 800-53r5 AC-2, NIST 800-53r5 CM-3]
#   facts: [access.break_glass]
#   remedy: Declare who, reason, ticket, opened and expires, no more than max_break_glass_hours ahead; or remove the fact when the emergency is over.
deny contains finding if some finding in lib.demanded("break_glass_bounded", unbounded_emergency)

# In use, it shows in every decision.
# METADATA
# title: The glass is broken
# description: An emergency is declared, and the decision was made in it.
# custom:
#   id: break_glass_bounded
#   severity: high
#   judges: deployment
#   remedy: Follow the ticket up, and remove the fact when the emergency is over.
warn contains {"id": "break_glass_bounded", "subject": "access.break_glass", "msg": sprintf("an emergency is declared by %v until %v (%v)", [emergency.who, emergency.expires, emergency.ticket])} if {
	lib.deploys
	bounded_emergency
}

emergency := input.access.break_glass.value if lib.established(input.access.break_glass)

unbounded_emergency contains {"subject": "access.break_glass", "msg": "it is neither seen that there is no emergency, nor known that one is bounded"} if {
	fact := object.get(input, ["access", "break_glass"], {})
	not calm(fact)
	not bounded_emergency
}

calm(fact) if fact.state == "absent"

bounded_emergency if {
	every field in ["who", "reason", "ticket"] {
		emergency[field] != ""
	}
	hours := 0 - lib.hours_since(emergency.expires)
	hours > 0
	hours <= parameters.max_break_glass_hours
}

# METADATA
# title: Accelerators are not shared
# description: In the environments of production_environments pods that use accelerators run on nodes that give each pod whole devices or partitions of its own (MIG), and do not share them by time.
# custom:
#   id: gpu_isolated
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 SC-7, NIST 800-53r5 AC-4]
#   facts: [workload.objects, cluster.gpu_sharing]
#   remedy: Pick nodes without time-slicing or MPS. Where the deployer may not read nodes, or they have no label, the operator declares the fact cluster.gpu_sharing.
deny contains finding if {
	lib.protected
	some finding in lib.judged("gpu_isolated", shared)
}

shared contains {"subject": claim.subject, "msg": sprintf("%s is a device that is shared by time", [claim.name])} if {
	some claim in lib.claims
	endswith(claim.name, ".shared")
}

shared contains problem if {
	count(lib.claims) > 0
	some problem in lib.unknown(["cluster", "gpu_sharing"])
}

shared contains {"subject": object.get(node, "node", "node"), "msg": sprintf("the node is not known to keep devices apart (%v)", [object.get(node, "sharing", "unknown")])} if {
	count(lib.claims) > 0
	some node in input.cluster.gpu_sharing.value
	not object.get(node, "sharing", "unknown") in {"none", "mig"}
}

# METADATA
# title: The operator has said what is allowed
# description: In the environments of production_environments the parameters that rules compare with have values. A rule whose parameter is empty takes whatever is known.
# custom:
#   id: parameters_set
#   severity: low
#   judges: deployment
#   controls: [NIST 800-53r5 CM-6]
#   facts: [target.environment]
#   remedy: The operator sets the parameter in the runner's configuration.
warn contains finding if some finding in lib.demanded("parameters_set", unset)

unset contains {"subject": name, "msg": sprintf("the parameter %s is empty, so its rule takes whatever is known", [name])} if {
	some name in ["allowed_builders", "allowed_signers", "allowed_sources"]
	count(parameters[name]) == 0
}

unset contains {"subject": name, "msg": sprintf("the parameter %s says nothing about the environment", [name])} if {
	some name in ["allowed_keys", "deployers"]
	environment := object.get(input, ["target", "environment"], "")
	not environment in object.keys(parameters[name])
}
