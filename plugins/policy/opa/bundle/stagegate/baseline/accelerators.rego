# GPUs and other accelerators.
package stagegate.baseline

import data.stagegate.lib
import data.stagegate.parameters

# METADATA
# title: Accelerators are asked for in whole and bounded numbers
# description: A container that uses accelerators sets a limit, asks for as many as it may use, and a pod holds at most max_gpus_per_pod.
# custom:
#   id: gpu_limits
#   severity: medium
#   judges: deployment
#   controls: [NIST 800-53r5 SC-6]
#   facts: [workload.objects]
#   remedy: Set resources.limits of the accelerator to a whole number and leave resources.requests out or equal.
deny contains finding if some finding in lib.judged("gpu_limits", unbounded)

unbounded contains {"subject": claim.subject, "msg": sprintf("the limit of %s is %v, not a whole number of at least 1", [claim.name, claim.limit])} if {
	some claim in lib.claims
	limit := claim.limit # claims always have one
	not whole(limit)
}

unbounded contains {"subject": claim.subject, "msg": sprintf("the container asks for %v %s and is limited to %v", [claim.request, claim.name, claim.limit])} if {
	some claim in lib.claims
	sprintf("%v", [claim.request]) != sprintf("%v", [claim.limit])
}

unbounded contains {"subject": pod, "msg": sprintf("the pod asks for %d accelerators, more than %d", [total, parameters.max_gpus_per_pod])} if {
	some pod in {claim.pod | some claim in lib.claims}
	total := sum([to_number(claim.limit) | some claim in lib.claims; claim.pod == pod; whole(claim.limit)])
	total > parameters.max_gpus_per_pod
}

whole(limit) if regex.match(`^[1-9][0-9]{0,5}$`, sprintf("%v", [limit]))
