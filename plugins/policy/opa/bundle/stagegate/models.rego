# What is released: models and the evidence for them.
package stagegate.models

import data.stagegate.lib
import data.stagegate.parameters

# METADATA
# title: Models come from this run
# description: Every model that the plan deploys is an artifact of this run, by its digest, so that what was evaluated is what is served.
# custom:
#   id: model_from_run
#   severity: critical
#   judges: deployment
#   controls: [NIST 800-53r5 SI-7, NIST 800-53r5 CM-14]
#   facts: [workload.objects, artifacts]
#   remedy: Deploy the artifact of a build stage of the same pipeline (artifact = stage.<name>.artifact).
deny contains finding if some finding in lib.judged("model_from_run", foreign)

foreign contains {"subject": digest, "msg": "the plan deploys a model that this run did not make"} if {
	some digest in lib.deployed_models
	made := {model.digest | some model in lib.models}
	not digest in made
}

foreign contains {"subject": pod.subject, "msg": "the pod is labelled with a model other than the one that it mounts"} if {
	some pod in lib.pods
	named := pod.annotations["stagegate.dev/model-digest"]
	mounted := {lib.digest_of(v.spec.image.reference) | some v in lib.image_volumes; v.pod.subject == pod.subject}
	not named in mounted
}

# METADATA
# title: Weights are safetensors
# description: The weights of every model of the run are safetensors with checked headers. Other formats can run code when they are loaded.
# custom:
#   id: weights_safetensors
#   severity: critical
#   judges: artifact
#   controls: [NIST 800-53r5 SI-7, NIST 800-53r5 SR-11]
#   facts: [artifacts.format]
#   remedy: Save the weights as safetensors; build.model checks the headers when it packs them.
deny contains finding if some finding in lib.findings("weights_safetensors", unsafe_weights)

unsafe_weights contains {"subject": object.get(model, "name", "model"), "msg": sprintf("its weights are not known to be safetensors (%s)", [format(model)])} if {
	some model in lib.models
	not safe(model)
}

# Unless the artifacts are known, nothing is known about the models among them.
unsafe_weights contains {"subject": "artifacts", "msg": "the artifacts of the run are not known"} if {
	not is_array(object.get(input, "artifacts", null))
}

unsafe_weights contains {"subject": object.get(artifact, "name", "artifact"), "msg": "what kind of artifact it is, is not known"} if {
	some artifact in input.artifacts
	not object.get(artifact, "kind", "") in {"model", "image", "other"}
}

safe(model) if {
	lib.established(model.format)
	model.format.value == "safetensors"
}

format(model) := model.format.value if {
	lib.established(model.format)
} else := "unknown"

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

# METADATA
# title: Weights are encrypted at rest
# description: In the environments of the parameter encrypted_environments every model of the run is encrypted where it is stored. Elsewhere the rule only warns.
# custom:
#   id: weights_encrypted
#   severity: medium
#   judges: artifact
#   controls: [NIST 800-53r5 SC-28(1)]
#   facts: [artifacts.encryption]
#   remedy: Encrypt the weights before they are packed.
deny contains finding if {
	not lib.environment_outside(parameters.encrypted_environments)
	some finding in lib.findings("weights_encrypted", clear)
}

clear contains {"subject": object.get(model, "name", "model"), "msg": "its weights are not known to be encrypted at rest"} if {
	some model in lib.models
	not lib.established(object.get(model, "encryption", {}))
}

# METADATA
# title: Weights are encrypted at rest
# description: The weights are not encrypted, and the environment does not demand it.
# custom:
#   id: weights_encrypted
#   severity: low
#   judges: artifact
#   remedy: Encrypt the weights before they are packed.
warn contains finding if {
	lib.environment_outside(parameters.encrypted_environments)
	some finding in lib.findings("weights_encrypted", clear)
}
