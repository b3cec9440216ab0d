# Volumes at rest.
package stagegate.encryption

import data.stagegate.lib
import data.stagegate.parameters

# METADATA
# title: Volumes are encrypted at rest
# description: Every claim of the plan names a StorageClass that the cluster has and whose parameters ask its provisioner for encryption, or that the operator lists in encrypted_classes. Claims from elsewhere are not known to be encrypted.
# custom:
#   id: storage_encrypted
#   severity: high
#   judges: deployment
#   controls: [NIST 800-53r5 SC-28(1), Kubescape C-0264]
#   facts: [workload.objects, storage.classes]
#   remedy: Name a StorageClass with encryption switched on, or have the operator add its name to the parameter encrypted_classes.
deny contains finding if some finding in lib.judged("storage_encrypted", unencrypted)

# Every claim for a volume, wherever it stands.
claims := [claim |
	some object_ in lib.objects
	object_.kind == "PersistentVolumeClaim"
	claim := {"subject": lib.name_of(object_), "class": object.get(object_, ["spec", "storageClassName"], "")}
]

templates := [claim |
	some object_ in lib.objects
	some template in object.get(object_, ["spec", "volumeClaimTemplates"], [])
	claim := {
		"subject": sprintf("%s claim %v", [lib.name_of(object_), object.get(template, ["metadata", "name"], "without name")]),
		"class": object.get(template, ["spec", "storageClassName"], ""),
	}
]

ephemeral := [claim |
	some volume in lib.volumes
	template := volume.spec.ephemeral.volumeClaimTemplate
	claim := {"subject": volume.subject, "class": object.get(template, ["spec", "storageClassName"], "")}
]

all_claims := array.concat(array.concat(claims, templates), ephemeral)

unencrypted contains {"subject": claim.subject, "msg": sprintf("the storage class %s is not known to encrypt", [shown(claim.class)])} if {
	some claim in all_claims
	class := claim.class # all_claims always has one
	not encrypted(class)
}

unencrypted contains {"subject": volume.subject, "msg": sprintf("the claim %v is not part of the plan, so its encryption is not known", [name])} if {
	some volume in lib.volumes
	name := volume.spec.persistentVolumeClaim.claimName
	planned := {object_.metadata.name | some object_ in lib.objects; object_.kind == "PersistentVolumeClaim"}
	not name in planned
}

shown("") := "(default)"

shown(class) := class if class != ""

encrypted(class) if class in parameters.encrypted_classes

encrypted(class) if {
	lib.established(input.storage.classes)
	some entry in input.storage.classes.value
	entry.name == class
	encrypts(entry.provisioner, entry.parameters)
}

encrypts(provisioner, settings) if {
	provisioner in {"ebs.csi.aws.com", "kubernetes.io/aws-ebs"}
	settings.encrypted == "true"
}

encrypts("pd.csi.storage.gke.io", settings) if settings["disk-encryption-kms-key"] != ""

encrypts(provisioner, settings) if {
	provisioner in {"disk.csi.azure.com", "kubernetes.io/azure-disk"}
	settings.diskEncryptionSetID != ""
}

encrypts(provisioner, settings) if {
	regex.match(`(^|\.)(rbd|cephfs)\.csi\.ceph\.com$`, provisioner)
	settings.encrypted == "true"
	settings.encryptionKMSID != ""
}
