# Where images and models come from.
package stagegate["supply-chain"]

import data.stagegate.lib
import data.stagegate.parameters

# METADATA
# title: Images are pinned by digest
# description: Every image of a container and every artifact mounted as a volume is named by its sha256 digest, so that what runs is what was judged.
# custom:
#   id: images_pinned
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 CM-14, NIST 800-53r5 SI-7]
#   facts: [workload.objects]
#   remedy: Name the image as <repository>@sha256:<digest>; the stage that pushes it has the digest in its outputs.
deny contains finding if some finding in lib.judged("images_pinned", unpinned)

unpinned contains {"subject": image.subject, "msg": sprintf("%s is not pinned by digest", [shown(image.ref)])} if {
	some image in lib.images
	ref := image.ref # lib.images always has one
	not regex.match(`^[^@]+@sha256:[0-9a-f]{64}$`, ref)
}

shown("") := "an image without a name"

shown(ref) := sprintf("the image %s", [ref]) if ref != ""

# METADATA
# title: Images come from allowed registries
# description: Every image and model comes from a registry, or a part of one, in the parameter allowed_registries. While the operator has not set it, the rule only warns.
# custom:
#   id: registry_allowed
#   severity: medium
#   judges: deployment
#   controls: [NIST 800-53r5 SR-3]
#   facts: [workload.objects]
#   remedy: Push the image to an allowed registry, or have the operator add its registry to the parameter allowed_registries.
deny contains finding if some finding in lib.judged("registry_allowed", foreign)

# METADATA
# title: Images come from allowed registries
# description: The operator has not set the parameter allowed_registries.
# custom:
#   id: registry_allowed
#   severity: low
#   judges: deployment
#   remedy: The operator lists the trusted registries in the parameter allowed_registries.
warn contains {"id": "registry_allowed", "msg": "no list of allowed registries is configured: images may come from anywhere"} if {
	lib.deploys
	not listed
}

listed if count(parameters.allowed_registries) > 0

foreign contains {"subject": image.subject, "msg": sprintf("%s is not in an allowed registry (%s)", [shown(image.ref), concat(", ", parameters.allowed_registries)])} if {
	listed
	some image in lib.images
	repository := lib.repository_of(image.ref)
	not allowed(repository)
}

# A registry, or a path in one; never a part of a name.
allowed(repository) if {
	some entry in parameters.allowed_registries
	startswith(concat("", [repository, "/"]), concat("", [trim_suffix(entry, "/"), "/"]))
}
