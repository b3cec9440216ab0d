# What the models are.
package stagegate["supply-chain"]

import data.stagegate.lib

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
deny contains finding if some finding in lib.judged("model_from_run", foreign_models)

foreign_models contains {"subject": digest, "msg": "the plan deploys a model that this run did not make"} if {
	some digest in lib.deployed_models
	made := {model.digest | some model in lib.models}
	not digest in made
}

foreign_models contains {"subject": pod.subject, "msg": "the pod is labelled with a model other than the one that it mounts"} if {
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
