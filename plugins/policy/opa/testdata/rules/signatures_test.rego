package tests.signatures

import data.tests.release

staging := {"op": "replace", "path": "/target/environment", "value": "staging"}

other := "sha256:5555555555555555555555555555555555555555555555555555555555555555"

test_images_signed_pass if {
	release.passes("images_signed", data.release)
	release.passes("images_signed", data.release) with data.stagegate.parameters.allowed_signers as [data.release.artifacts[1].signer.value]
	release.passes("images_signed", json.patch(release.unknown("/artifacts/1/signatures"), [staging]))
}

test_images_signed_fail if {
	release.only("images_signed", release.put("/artifacts/1/signatures/value", ["oms"]))
	release.objects_to("images_signed", data.release) with data.stagegate.parameters.allowed_signers as [other]
	release.objects_to("images_signed", release.put(release.container("/image"), concat("@", ["registry.example/web", other])))
}

test_images_signed_unknown if {
	release.only("images_signed", release.unknown("/artifacts/1/signatures"))
	release.only("images_signed", release.unknown("/artifacts/1/signer"))
	release.objects_to("images_signed", release.unknown(release.objects))
}

test_images_signed_missing if {
	release.only("images_signed", release.without("/artifacts/1/signatures"))
	release.only("images_signed", release.without("/artifacts/1/signer"))
	release.objects_to("images_signed", release.without("/artifacts/1"))
	release.objects_to("images_signed", release.without(release.objects))
}

test_models_signed_pass if {
	release.passes("models_signed", data.release)
	release.passes("models_signed", json.patch(release.unknown("/artifacts/0/signatures"), [staging]))
}

test_models_signed_fail if {
	release.only("models_signed", release.put("/artifacts/0/signatures/value", ["cosign"]))
	release.objects_to("models_signed", data.release) with data.stagegate.parameters.allowed_signers as [other]
}

test_models_signed_unknown if {
	release.only("models_signed", release.unknown("/artifacts/0/signatures"))
	release.only("models_signed", release.unknown("/artifacts/0/signer"))
}

test_models_signed_missing if {
	release.only("models_signed", release.without("/artifacts/0/signatures"))
	release.only("models_signed", release.without("/artifacts/0/signer"))
	release.objects_to("models_signed", release.without("/artifacts"))
}

test_provenance_known_pass if {
	release.passes("provenance_known", data.release)
	release.passes("provenance_known", data.release) with data.stagegate.parameters.allowed_sources as ["https://git.example/digits"]
		with data.stagegate.parameters.allowed_builders as ["https://github.com/stagegate/stagegate/builder/push"]
	release.passes("provenance_known", json.patch(release.unknown("/artifacts/0/provenance"), [staging]))
}

test_provenance_known_fail if {
	release.objects_to("provenance_known", data.release) with data.stagegate.parameters.allowed_sources as ["https://git.example/other"]
	release.objects_to("provenance_known", data.release) with data.stagegate.parameters.allowed_builders as ["https://github.com/other"]
	release.only("provenance_known", release.put("/artifacts/0/provenance/value/source_uri", ""))
	release.only("provenance_known", release.put("/artifacts/1/provenance/value/parameters_known", false))
	release.only("provenance_known", release.put("/artifacts/1/provenance", {"state": "absent", "value": null, "source": "", "checked_at": null}))
}

test_provenance_known_unknown if {
	release.only("provenance_known", release.unknown("/artifacts/0/provenance"))
	release.only("provenance_known", release.unknown("/artifacts/1/provenance"))
}

test_provenance_known_missing if {
	release.only("provenance_known", release.without("/artifacts/0/provenance"))
	every field in ["builder_id", "source_uri", "parameters_known"] {
		release.only("provenance_known", release.without(sprintf("/artifacts/0/provenance/value/%s", [field])))
	}
}

test_scanned_pass if {
	release.passes("scanned", data.release)
	release.passes("scanned", json.patch(release.unknown("/artifacts/0/scans"), [staging]))
}

test_scanned_fail if {
	release.only("scanned", release.put("/artifacts/0/scans/value/0/critical", 1))
	release.only("scanned", release.put("/artifacts/1/scans/value/0/database_age_days", 8))
	release.only("scanned", release.put("/artifacts/1/scans/value/0/database_age_days", -1))
	release.only("scanned", release.put("/artifacts/1/scans/value", []))
	# A second scan that finds something is not made good by the first.
	release.only("scanned", release.put("/artifacts/1/scans/value/-", {"stage": "again", "critical": 2, "database_age_days": 0}))
}

test_scanned_unknown if {
	release.only("scanned", release.unknown("/artifacts/0/scans"))
	release.only("scanned", release.put("/artifacts/0/scans/value/0/critical", null))
}

test_scanned_missing if {
	release.only("scanned", release.without("/artifacts/0/scans"))
	release.only("scanned", release.without("/artifacts/0/scans/value/0/critical"))
	release.only("scanned", release.without("/artifacts/0/scans/value/0/database_age_days"))
}
