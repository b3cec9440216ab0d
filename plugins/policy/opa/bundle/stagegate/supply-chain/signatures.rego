# Who has signed what is deployed, and how it came to be.
package stagegate["supply-chain"]

import data.stagegate.lib
import data.stagegate.parameters

# METADATA
# title: Images are signed
# description: In the environments of production_environments every image of a container is an artifact of the run with a cosign signature that was made or verified, by a key of the parameter allowed_signers where that is set.
# custom:
#   id: images_signed
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 SI-7(15), NIST 800-53r5 CM-14, CIS Kubernetes 5.5.1]
#   facts: [workload.objects, artifacts.signatures, artifacts.signer]
#   remedy: Sign the image where it is built (`sign` in build.image), or fetch it with the signature that it must have.
deny contains finding if some finding in demanded_of_objects("images_signed", unsigned_images)

# A rule about what is deployed, in protected environments.
demanded_of_objects(id, problems) := lib.judged(id, problems) if {
	lib.protected
} else := set() if {
	is_set(problems)
}

unsigned_images contains {"subject": image.subject, "msg": "the image is not known to be signed with cosign by an allowed key"} if {
	some image in lib.deployed_images
	digest := image.digest
	not signed(digest, "cosign")
}

signed(digest, format) if {
	some artifact in lib.artifacts_with(digest)
	lib.established(artifact.signatures)
	format in artifact.signatures.value
	lib.established(artifact.signer)
	trusted_signer(artifact.signer.value)
}

trusted_signer(_) if count(parameters.allowed_signers) == 0

trusted_signer(signer) if signer in parameters.allowed_signers

# METADATA
# title: Models are signed
# description: In the environments of production_environments every model that is deployed has an OpenSSF model signature, which covers each of its files, by a key of the parameter allowed_signers where that is set.
# custom:
#   id: models_signed
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 SI-7(1), NIST 800-53r5 SR-4(3)]
#   facts: [workload.objects, artifacts.signatures, artifacts.signer]
#   remedy: Add a sign block to the build.model stage.
deny contains finding if some finding in demanded_of_objects("models_signed", unsigned_models)

unsigned_models contains {"subject": digest, "msg": "the model is not known to have an OMS signature by an allowed key"} if {
	some digest in lib.deployed_models
	not signed(digest, "oms")
}

# METADATA
# title: What is deployed has provenance
# description: In the environments of production_environments the runner has stated, or verified, how each image and model came to be, by a builder of the parameter allowed_builders and from a repository of allowed_sources, where these are set, and with its parameters.
# custom:
#   id: provenance_known
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 SR-4, NIST 800-53r5 SA-10(1)]
#   facts: [workload.objects, artifacts.provenance]
#   remedy: Build the image and the model in a stage of the same pipeline, from a commit.
deny contains finding if some finding in demanded_of_objects("provenance_known", unproven_origin)

unproven_origin contains {"subject": digest, "msg": "it is not known who built it from which source with which parameters"} if {
	some digest in deployed
	not traced(digest)
}

unproven_origin contains {"subject": digest, "msg": sprintf("the builder %v is not in allowed_builders", [builder])} if {
	some digest in deployed
	some artifact in lib.artifacts_with(digest)
	builder := artifact.provenance.value.builder_id
	not builder_allowed(builder)
}

unproven_origin contains {"subject": digest, "msg": sprintf("the source %v is not in allowed_sources", [source])} if {
	some digest in deployed
	some artifact in lib.artifacts_with(digest)
	source := artifact.provenance.value.source_uri
	not source_allowed(source)
}

deployed contains digest if some digest in lib.deployed_models

deployed contains image.digest if some image in lib.deployed_images

traced(digest) if {
	some artifact in lib.artifacts_with(digest)
	lib.established(artifact.provenance)
	is_string(artifact.provenance.value.builder_id)
	source := artifact.provenance.value.source_uri
	is_string(source)
	count(source) > 0
	artifact.provenance.value.parameters_known == true
}

builder_allowed(_) if count(parameters.allowed_builders) == 0

builder_allowed(builder) if builder in parameters.allowed_builders

source_allowed(_) if count(parameters.allowed_sources) == 0

source_allowed(source) if source in parameters.allowed_sources

# METADATA
# title: Images are scanned
# description: In the environments of production_environments a tester of this run has scanned each image and model that is deployed, with a database at most max_scan_age_days old, and found nothing critical.
# custom:
#   id: scanned
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 RA-5]
#   facts: [workload.objects, artifacts.scans]
#   remedy: Add a test stage about the artifact whose report has the metrics vulnerabilities.critical and vulnerabilities.database_age_days.
deny contains finding if some finding in demanded_of_objects("scanned", unscanned)

unscanned contains {"subject": digest, "msg": sprintf("no scan with a database of at most %v days was made of it in this run", [parameters.max_scan_age_days])} if {
	some digest in deployed
	not scanned(digest)
}

unscanned contains {"subject": digest, "msg": sprintf("the scan %v found critical vulnerabilities, or does not say that it found none", [object.get(scan, "stage", "without name")])} if {
	some digest in deployed
	some artifact in lib.artifacts_with(digest)
	some scan in artifact.scans.value
	not harmless(scan)
}

scanned(digest) if {
	some artifact in lib.artifacts_with(digest)
	lib.established(artifact.scans)
	some scan in artifact.scans.value
	is_number(scan.database_age_days)
	scan.database_age_days >= 0
	scan.database_age_days <= parameters.max_scan_age_days
}

harmless(scan) if {
	is_number(scan.critical)
	scan.critical == 0
}
