package tests.images

import data.tests.release

digest := "sha256:5555555555555555555555555555555555555555555555555555555555555555"

test_images_pinned_pass if release.passes("images_pinned", data.release)

test_images_pinned_fail if {
	every ref in ["registry.example/web:latest", "registry.example/web", "web@sha256:12", "", concat("", ["@", digest])] {
		release.objects_to("images_pinned", release.put(release.container("/image"), ref))
	}
	release.objects_to("images_pinned", release.without(release.container("/image")))
	release.objects_to("images_pinned", release.put(release.pod("/spec/initContainers"), [{"name": "init", "image": "busybox"}]))
	release.objects_to("images_pinned", release.put(release.pod("/spec/volumes/1/image/reference"), "registry.example/models/digits:1"))
}

test_images_pinned_unknown if release.objects_to("images_pinned", release.unknown(release.objects))

test_images_pinned_missing if release.objects_to("images_pinned", release.without(release.objects))

test_registry_tls_pass if {
	release.passes("registry_tls", data.release)
	release.passes("registry_tls", release.put("/artifacts/0/registry/tls/value", "1.2"))
	# What never left this machine was not pushed anywhere.
	every place in ["blob:sha256:22", "oci-layout:out/digits"] {
		release.passes("registry_tls", json.patch(release.artifacts_only, [
			{"op": "replace", "path": "/artifacts/0/location", "value": place},
			{"op": "replace", "path": "/artifacts/0/registry", "value": {}},
		]))
	}
	release.passes("registry_tls", json.patch(data.release, [
		{"op": "replace", "path": release.container("/image"), "value": concat("@", ["nvcr.io/nim/server", digest])},
		{"op": "replace", "path": "/registry/hosts", "value": {
			"state": "declared", "source": "operator", "checked_at": null,
			"value": [{"host": "nvcr.io", "tls": "1.3", "ca": "verified"}],
		}},
	]))
}

# What the runner could not see of a push, the operator may answer for.
test_registry_tls_declared if {
	hosts := release.verified([{"host": "registry.example", "tls": "1.2", "ca": "verified"}])
	doc := json.patch(data.release, [
		{"op": "replace", "path": "/artifacts/0/registry/tls", "value": release.unknown_fact},
		{"op": "replace", "path": "/registry/hosts", "value": hosts},
	])
	release.passes("registry_tls", doc)
	release.only("registry_tls", json.patch(doc, [{"op": "remove", "path": "/artifacts/0/registry/host"}]))
	release.objects_to("registry_tls", json.patch(doc, [{"op": "replace", "path": "/registry/hosts/value/0/host", "value": "other.example"}]))
	release.objects_to("registry_tls", json.patch(doc, [{"op": "replace", "path": "/registry/hosts/value/0/tls", "value": "none"}]))
	release.objects_to("registry_tls", json.patch(doc, [{"op": "remove", "path": "/registry/hosts/value/0/ca"}]))
}

test_registry_tls_fail if {
	release.only("registry_tls", release.put("/artifacts/0/registry/tls/value", "none"))
	release.only("registry_tls", release.put("/artifacts/0/registry/tls/value", "1.1"))
	release.only("registry_tls", release.put("/artifacts/0/registry/ca/value", "none"))
	release.objects_to("registry_tls", release.put(release.container("/image"), concat("@", ["nvcr.io/nim/server", digest])))
	release.objects_to("registry_tls", json.patch(release.artifacts_only, [{"op": "replace", "path": "/artifacts/1/registry/tls/value", "value": "none"}]))
}

test_registry_tls_unknown if {
	release.only("registry_tls", release.unknown("/artifacts/0/registry/tls"))
	release.only("registry_tls", release.unknown("/artifacts/0/registry/ca"))
	release.objects_to("registry_tls", release.unknown(release.objects))
}

test_registry_tls_missing if {
	release.only("registry_tls", release.without("/artifacts/0/registry/tls"))
	release.only("registry_tls", release.without("/artifacts/0/registry"))
	release.objects_to("registry_tls", release.without(release.objects))
}

test_registry_allowed_pass if {
	release.passes("registry_allowed", data.release)
	every entry in ["registry.example", "registry.example/"] {
		release.passes("registry_allowed", data.release) with data.stagegate.parameters.allowed_registries as [entry]
	}
	release.passes("registry_allowed", data.release) with data.stagegate.parameters.allowed_registries as ["registry.example/web", "registry.example/models"]
}

test_registry_allowed_fail if {
	every entry in ["registry.example/we", "registry.exampl", "other.example", "registry.example/web"] {
		release.objects_to("registry_allowed", data.release) with data.stagegate.parameters.allowed_registries as [entry]
	}
	release.objects_to("registry_allowed", release.put(release.container("/image"), concat("@", ["web", digest]))) with data.stagegate.parameters.allowed_registries as ["registry.example"]
	"registry_allowed" in release.warned(data.release)
	not "registry_allowed" in release.warned(data.release) with data.stagegate.parameters.allowed_registries as ["registry.example"]
}

test_registry_allowed_unknown if release.objects_to("registry_allowed", release.unknown(release.objects))

test_registry_allowed_missing if release.objects_to("registry_allowed", release.without(release.objects))

test_repository_of if {
	every ref, want in {
		"web": "docker.io/library/web",
		"web:1": "docker.io/library/web",
		"acme/web:1@sha256:12": "docker.io/acme/web",
		"localhost/web": "localhost/web",
		"127.0.0.1:5000/a/b:1@sha256:12": "127.0.0.1:5000/a/b",
		"ghcr.io/a/b": "ghcr.io/a/b",
	} {
		data.stagegate.lib.repository_of(ref) == want
	}
}
