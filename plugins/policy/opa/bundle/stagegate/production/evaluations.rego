# What was measured.
package stagegate.production

import data.stagegate.lib

# METADATA
# title: Models have passed an evaluation
# description: For every model that is deployed, or made when nothing is deployed, a tester of this run has measured that very digest against at least one threshold, and every threshold on it is met.
# custom:
#   id: evals_passed
#   severity: critical
#   judges: artifact
#   controls: [NIST 800-53r5 SA-11]
#   facts: [evals]
#   remedy: Add a test.eval stage with a threshold whose artifact is the model, and let the deployment need it.
deny contains finding if {
	some finding in lib.findings("evals_passed", unproven) | lib.judged("evals_passed", set())
}

unproven contains {"subject": digest, "msg": "no evaluation with a threshold was made of this model in this run"} if {
	some digest in judged_models
	not evaluated(digest)
}

unproven contains {"subject": digest, "msg": sprintf("the evaluation %v misses its threshold for %v", [
	object.get(eval, "stage", "without name"), object.get(threshold, "metric", "a metric without name"),
])} if {
	some digest in judged_models
	some eval in input.evals
	eval.subject_digest == digest
	some threshold in eval.thresholds
	not met(eval, threshold)
}

# An evaluation that does not say what it measured could be a bad one of ours.
unproven contains {"subject": "evals", "msg": "an evaluation does not say what it measured, or against what"} if {
	some eval in input.evals
	not complete(eval)
}

complete(eval) if {
	is_string(eval.subject_digest)
	is_array(eval.thresholds)
}

judged_models contains digest if {
	lib.deploys
	some digest in lib.deployed_models
}

judged_models contains model.digest if {
	not lib.deploys
	some model in lib.models
}

evaluated(digest) if {
	some eval in input.evals
	eval.subject_digest == digest
	count(eval.thresholds) > 0
}

# What the tester says is checked against what it measured.
met(eval, threshold) if {
	threshold.met == true
	some metric in eval.metrics
	metric.name == threshold.metric
	bounded(threshold)
	above(metric.value, threshold.min)
	below(metric.value, threshold.max)
}

bounded(threshold) if is_number(threshold.min)

bounded(threshold) if is_number(threshold.max)

above(_, null)

above(value, limit) if {
	is_number(limit)
	value >= limit
}

below(_, null)

below(value, limit) if {
	is_number(limit)
	value <= limit
}
