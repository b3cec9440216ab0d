package tests.source

import data.tests.release

staging(doc) := json.patch(doc, [{"op": "replace", "path": "/target/environment", "value": "staging"}])

dirty := release.put("/run/git/clean/value", false)

test_source_committed_pass if {
	release.passes("source_committed", data.release)
	release.passes("source_committed", staging(dirty))
	release.passes("source_committed", release.artifacts_only)
}

test_source_committed_fail if {
	release.only("source_committed", dirty)
	release.objects_to("source_committed", staging(dirty)) with data.stagegate.parameters.clean_environments as ["staging"]
}

test_source_committed_unknown if {
	release.only("source_committed", release.unknown("/run/git/commit"))
	release.only("source_committed", release.unknown("/run/git/clean"))
}

test_source_committed_missing if {
	release.only("source_committed", release.without("/run/git/commit"))
	release.only("source_committed", release.without("/run/git/clean"))
	release.objects_to("source_committed", release.without("/run"))
	release.objects_to("source_committed", json.patch(dirty, [{"op": "remove", "path": "/target/environment"}]))
}

# What is only declared suffices unless the environment asks for more.
test_declared_facts if {
	declared := release.put("/run/git/clean/state", "declared")
	release.passes("source_committed", declared)
	release.objects_to("source_committed", declared) with data.stagegate.parameters.verified_environments as ["production"]
	release.objects_to("source_committed", json.patch(declared, [{"op": "remove", "path": "/target/environment"}]))
}
