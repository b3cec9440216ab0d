# What the rules share: facts, and the pods among the rendered objects.
#
# A rule never asks whether something is bad; it asks whether it is known to be
# good, so that what is unknown or missing denies. Two things need care:
#
#   x.y != "good" and x.y == false say nothing when x.y is missing;
#   not good(x.y) says nothing either: OPA looks x.y up before it negates.
#
# So the argument of a negated call is a variable, or comes from object.get, which
# always has an answer. The runner warns of bundles that do otherwise.
package stagegate.lib

# Something is deployed unless the input says in so many words that nothing is.
deploys if not input.scope == "artifacts"

# A fact can be relied on when it was seen, or when somebody with authority says
# so and the environment accepts that. A fact that is not there is undefined, and
# so is this.
established(fact) if {
	fact.state == "verified"
	value := fact.value
	not is_null(value)
}

established(fact) if {
	fact.state == "declared"
	value := fact.value
	not is_null(value)
	environment_outside(data.stagegate.parameters.verified_environments)
}

# The environment is known and not among those listed: one that is not known
# could be any of them.
environment_outside(list) if {
	environment := input.target.environment
	is_string(environment)
	not environment in list
}

# Problems of a rule as its findings.
findings(id, problems) := {object.union({"id": id}, problem) | some problem in problems}

# False, and not merely absent.
is_false(false) := true

# What is deployed goes where the operator asks for the rules of production. An
# environment that is not known could be one of those.
protected if {
	deploys
	not environment_outside(data.stagegate.parameters.production_environments)
}

# Findings of a rule that binds in protected environments only.
demanded(id, problems) := findings(id, problems) if {
	protected
} else := set() if {
	is_set(problems)
}

# That a fact at a path is not known, as a finding.
unknown(path) := {{"subject": concat(".", path), "msg": sprintf("the fact %s is not known, and the rule rests on it", [concat(".", path)])}} if {
	fact := object.get(input, path, {})
	not established(fact)
} else := set()

objects := input.workload.objects.value if established(input.workload.objects)

# Findings of a rule about the rendered objects: its problems, or that the objects
# are not known.
judged(id, problems) := set() if {
	not deploys
	is_set(problems)
} else := findings(id, problems) if {
	objects
} else := {{
	"id": id,
	"subject": "workload.objects",
	"msg": "the rendered objects are not known, so nothing can be said about them",
}}

# The same for a rule that needs one more fact.
judged_with(id, fact, name, problems) := judged(id, problems) if {
	established(fact)
} else := set() if {
	not deploys
} else := {{
	"id": id,
	"subject": name,
	"msg": sprintf("the fact %s is not known, and the rule rests on it", [name]),
}}

name_of(object_) := sprintf("%v %v", [
	object.get(object_, "kind", "object without kind"),
	object.get(object_, ["metadata", "name"], "without name"),
])

namespace_of(object_) := object.get(object_, ["metadata", "namespace"], "")

# Pods and pod templates, with the object that they belong to.
pods := [pod |
	some object_ in objects
	template := template_of(object_)
	pod := {
		"subject": name_of(object_),
		"namespace": namespace_of(object_),
		"labels": object.get(template, ["metadata", "labels"], {}),
		"annotations": object.get(template, ["metadata", "annotations"], {}),
		"spec": object.get(template, "spec", {}),
		"security": object.get(template, ["spec", "securityContext"], {}),
	}
]

template_of(object_) := object_ if object_.kind == "Pod"

template_of(object_) := object_.spec.jobTemplate.spec.template if object_.kind == "CronJob"

template_of(object_) := object_.spec.template if not object.get(object_, "kind", "") in {"Pod", "CronJob"}

# Every container of every pod, those that run first included.
containers := [container |
	some pod in pods
	some field in ["containers", "initContainers", "ephemeralContainers"]
	some spec in object.get(pod.spec, field, [])
	container := {
		"subject": sprintf("%s container %v", [pod.subject, object.get(spec, "name", "without name")]),
		"spec": spec,
		"pod": pod,
		"security": object.get(spec, "securityContext", {}),
	}
]

# Everything that nodes fetch: images of containers, and artifacts mounted as
# volumes.
images := array.concat(
	[{"subject": c.subject, "ref": object.get(c.spec, "image", "")} | some c in containers],
	[{"subject": v.subject, "ref": object.get(v.spec, ["image", "reference"], "")} | some v in image_volumes],
)

volumes := [{
	"subject": sprintf("%s volume %v", [pod.subject, object.get(spec, "name", "without name")]),
	"spec": spec,
	"pod": pod,
} |
	some pod in pods
	some spec in object.get(pod.spec, "volumes", [])
]

image_volumes := [v | some v in volumes; v.spec.image]

digest_of(ref) := concat("@", array.slice(parts, 1, count(parts))) if {
	parts := split(ref, "@")
	count(parts) > 1
} else := ""

# host/repository of a reference as a node would resolve it.
repository_of(ref) := name if {
	name := untagged(ref)
	has_host(name)
} else := sprintf("docker.io/%s", [name]) if {
	name := untagged(ref)
	contains(name, "/")
} else := sprintf("docker.io/library/%s", [untagged(ref)])

untagged(ref) := regex.replace(split(ref, "@")[0], `:[^:/]+$`, "")

has_host(name) if {
	contains(name, "/")
	regex.match(`[.:]|^localhost$`, split(name, "/")[0])
}

host_of(ref) := split(repository_of(ref), "/")[0]

# Model artifacts of this run.
models := [artifact | some artifact in input.artifacts; artifact.kind == "model"]

# Digests of the models that the plan deploys.
deployed_models contains digest_of(v.spec.image.reference) if some v in image_volumes

deployed_models contains pod.annotations["stagegate.dev/model-digest"] if some pod in pods

accelerator(name) if regex.match(`^(nvidia\.com|amd\.com|gpu\.intel\.com|habana\.ai|aws\.amazon\.com/neuron|google\.com/tpu)|/gpu$`, name)

# Each accelerator of each container, with what it asks for; null when it does
# not say.
claims := [claim |
	some c in containers
	limits := object.get(c.spec, ["resources", "limits"], {})
	requests := object.get(c.spec, ["resources", "requests"], {})
	some name in object.keys(limits) | object.keys(requests)
	accelerator(name)
	limit := object.get(limits, name, null)
	claim := {"subject": c.subject, "pod": c.pod.subject, "name": name, "limit": limit, "request": object.get(requests, name, limit)}
]

# Artifacts that the plan deploys, by what they are and by digest.
deployed_images contains {"subject": image.subject, "digest": digest_of(image.ref)} if {
	some c in containers
	image := {"subject": c.subject, "ref": object.get(c.spec, "image", "")}
}

artifacts_with(digest) := [artifact |
	some artifact in input.artifacts
	artifact.digest == digest
]

# Whole hours between a moment and the time of the decision. A moment that cannot
# be read has none.
hours_since(moment) := (time.parse_rfc3339_ns(input.now) - time.parse_rfc3339_ns(moment)) / 3600000000000 if {
	timely(input.now)
	timely(moment)
}

timely(moment) if {
	is_string(moment)
	regex.match(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?Z$`, moment)
}
