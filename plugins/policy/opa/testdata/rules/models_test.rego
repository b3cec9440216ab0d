package tests.models

import data.tests.release

other := "sha256:5555555555555555555555555555555555555555555555555555555555555555"

test_model_from_run_pass if {
	release.passes("model_from_run", data.release)
	# A server without a model has nothing to show.
	release.passes("model_from_run", json.patch(data.release, [
		{"op": "remove", "path": release.pod("/spec/volumes/1")},
		{"op": "remove", "path": release.pod("/metadata/annotations")},
	]))
}

test_model_from_run_fail if {
	release.objects_to("model_from_run", release.put(release.pod("/spec/volumes/1/image/reference"), concat("@", ["registry.example/models/digits", other])))
	release.objects_to("model_from_run", release.put(release.pod("/metadata/annotations/stagegate.dev~1model-digest"), other))
	release.objects_to("model_from_run", release.put("/artifacts/0/digest", other))
	release.objects_to("model_from_run", release.put("/artifacts/0/kind", "other"))
	# An image of this run is no model of it.
	release.objects_to("model_from_run", release.put(release.pod("/spec/volumes/1/image/reference"), concat("@", ["registry.example/web", data.release.artifacts[1].digest])))
}

test_model_from_run_unknown if release.objects_to("model_from_run", release.unknown(release.objects))

test_model_from_run_missing if {
	release.objects_to("model_from_run", release.without(release.objects))
	release.objects_to("model_from_run", release.without("/artifacts"))
	release.objects_to("model_from_run", release.without("/artifacts/0/digest"))
}

test_weights_safetensors_pass if {
	release.passes("weights_safetensors", data.release)
	release.passes("weights_safetensors", release.artifacts_only)
}

test_weights_safetensors_fail if {
	every format in ["gguf", "mixed", "unknown", "pickle", ""] {
		release.only("weights_safetensors", release.put("/artifacts/0/format/value", format))
	}
}

test_weights_safetensors_unknown if {
	release.only("weights_safetensors", release.unknown("/artifacts/0/format"))
	release.objects_to("weights_safetensors", json.patch(release.artifacts_only, [{"op": "replace", "path": "/artifacts/0/format", "value": release.unknown_fact}]))
}

test_weights_safetensors_missing if {
	release.only("weights_safetensors", release.without("/artifacts/0/format"))
	release.objects_to("weights_safetensors", release.without("/artifacts/0/kind"))
	release.objects_to("weights_safetensors", release.without("/artifacts"))
}

test_evals_passed_pass if {
	release.passes("evals_passed", data.release)
	release.passes("evals_passed", release.put("/evals/0/thresholds/0/max", 1))
	# A bound from above alone is a bound.
	release.passes("evals_passed", release.put("/evals/0/thresholds/0", {"metric": "accuracy", "min": null, "max": 1, "met": true}))
}

test_evals_passed_fail if {
	release.only("evals_passed", release.put("/evals", []))
	release.only("evals_passed", release.put("/evals/0/subject_digest", other))
	release.only("evals_passed", release.put("/evals/0/thresholds", []))
	release.only("evals_passed", release.put("/evals/0/thresholds/0/met", false))
	release.only("evals_passed", release.put("/evals/0/metrics/0/value", 0.92))
	release.only("evals_passed", release.put("/evals/0/metrics/0/name", "loss"))
	release.only("evals_passed", release.put("/evals/0/thresholds/0/max", 0.95))
	release.only("evals_passed", release.put("/evals/0/thresholds/0/min", null))
	release.objects_to("evals_passed", json.patch(release.artifacts_only, [{"op": "replace", "path": "/evals", "value": []}]))
	# A second evaluation that fails is not made good by the first.
	release.only("evals_passed", release.put("/evals/-", object.union(data.release.evals[0], {"thresholds": [{"metric": "accuracy", "min": 0.99, "max": null, "met": false}]})))
}

test_evals_passed_unknown if {
	release.only("evals_passed", release.put("/evals/0/subject_digest", ""))
	release.objects_to("evals_passed", release.unknown(release.objects))
}

test_evals_passed_missing if {
	release.only("evals_passed", release.without("/evals"))
	release.only("evals_passed", release.without("/evals/0/subject_digest"))
	release.only("evals_passed", release.without("/evals/0/thresholds"))
	release.only("evals_passed", release.without("/evals/0/thresholds/0/met"))
	release.only("evals_passed", release.without("/evals/0/thresholds/0/min"))
	release.only("evals_passed", release.without("/evals/0/metrics"))
	release.objects_to("evals_passed", release.without(release.objects))
}

demanded(doc) := ids if {
	ids := release.denied(doc) with data.stagegate.parameters.encrypted_environments as ["production"]
}

test_weights_encrypted_pass if {
	not "weights_encrypted" in demanded(data.release)
	not "weights_encrypted" in release.warned(data.release)
}

test_weights_encrypted_fail if {
	absent := {"state": "absent", "value": null, "source": "", "checked_at": null}
	demanded(release.put("/artifacts/0/encryption", absent)) == {"weights_encrypted"}
	release.passes("weights_encrypted", release.put("/artifacts/0/encryption", absent))
	"weights_encrypted" in release.warned(release.put("/artifacts/0/encryption", absent))
}

test_weights_encrypted_unknown if {
	"weights_encrypted" in demanded(release.unknown("/artifacts/0/encryption"))
	"weights_encrypted" in demanded(clear_in(release.unknown_fact))
}

# Weights in clear in a registry, of whose storage something is said.
clear_in(at_rest) := json.patch(data.release, [
	{"op": "replace", "path": "/artifacts/0/encryption", "value": {"state": "absent", "value": null, "source": "", "checked_at": null}},
	{"op": "replace", "path": "/registry/at_rest", "value": at_rest},
])

test_weights_encrypted_by_the_registry if {
	not "weights_encrypted" in demanded(clear_in(release.verified([{"host": "registry.example", "encrypted": true}])))
	"weights_encrypted" in demanded(clear_in(release.verified([{"host": "registry.example", "encrypted": false}])))
	"weights_encrypted" in demanded(clear_in(release.verified([{"host": "other.example", "encrypted": true}])))
	"weights_encrypted" in demanded(json.patch(clear_in(release.verified([])), [{"op": "remove", "path": "/registry/at_rest"}]))
}

test_weights_encrypted_missing if {
	"weights_encrypted" in demanded(release.without("/artifacts/0/encryption"))
	release.objects_to("weights_encrypted", json.patch(data.release, [
		{"op": "remove", "path": "/artifacts/0/encryption"},
		{"op": "remove", "path": "/target/environment"},
	]))
}
