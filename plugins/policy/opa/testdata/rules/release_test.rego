# What the tests share: ways to change the release that passes, and to ask what
# the rules say about it.
package tests.release

objects := "/workload/objects"

object_at(i, path) := sprintf("/workload/objects/value/%d%s", [i, path])

# Places in the rendered objects of the release.
account(path) := object_at(0, path)

network(path) := object_at(1, path)

service(path) := object_at(2, path)

pod(path) := object_at(3, concat("", ["/spec/template", path]))

container(path) := pod(concat("", ["/spec/containers/0", path]))

put(path, value) := json.patch(data.release, [{"op": "add", "path": path, "value": value}])

without(path) := json.patch(data.release, [{"op": "remove", "path": path}])

# One more object in the plan.
with_object(object_) := put(object_at(4, ""), object_)

unknown_fact := {"state": "unknown", "value": null, "source": "test", "checked_at": null}

unknown(path) := put(path, unknown_fact)

verified(value) := {"state": "verified", "value": value, "source": "test", "checked_at": null}

denied(doc) := ids if {
	ids := {finding.id | some group; some finding in data.stagegate[group].deny} with input as doc
}

warned(doc) := ids if {
	ids := {finding.id | some group; some finding in data.stagegate[group].warn} with input as doc
}

# The rule alone objects to the document: the test changes what it means to.
only(id, doc) if denied(doc) == {id}

objects_to(id, doc) if id in denied(doc)

passes(id, doc) if not id in denied(doc)

artifacts_only := json.patch(data.release, [
	{"op": "replace", "path": "/scope", "value": "artifacts"},
	{"op": "replace", "path": "/target/environment", "value": ""},
	{"op": "replace", "path": "/workload/objects", "value": {"state": "absent", "value": null, "source": "", "checked_at": null}},
	{"op": "replace", "path": "/access/rbac", "value": {"state": "absent", "value": null, "source": "", "checked_at": null}},
])

test_release_passes if denied(data.release) == set()

test_artifacts_alone_pass if denied(artifacts_only) == set()

# Without the word that nothing is deployed, something is.
test_scope_missing if {
	doc := json.patch(artifacts_only, [{"op": "remove", "path": "/scope"}])
	objects_to("images_pinned", doc)
}
