package tests.storage

import data.tests.release

claim(class) := {"kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": {"storageClassName": class}}

stateful(class) := {
	"kind": "StatefulSet", "metadata": {"name": "s"},
	"spec": {"volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": {"storageClassName": class}}]},
}

with_claim(class) := release.with_object(claim(class))

with_class(class) := json.patch(with_claim("it"), [{"op": "add", "path": "/storage/classes/value/0", "value": object.union({"name": "it"}, class)}])

test_storage_encrypted_pass if {
	release.passes("storage_encrypted", data.release)
	release.passes("storage_encrypted", release.unknown("/storage/classes"))
	release.passes("storage_encrypted", with_claim("encrypted"))
	release.passes("storage_encrypted", release.with_object(stateful("encrypted")))
	release.passes("storage_encrypted", with_claim("vault")) with data.stagegate.parameters.encrypted_classes as ["vault"]
	every class in [
		{"provisioner": "pd.csi.storage.gke.io", "parameters": {"disk-encryption-kms-key": "k"}},
		{"provisioner": "disk.csi.azure.com", "parameters": {"diskEncryptionSetID": "d"}},
		{"provisioner": "rook-ceph.rbd.csi.ceph.com", "parameters": {"encrypted": "true", "encryptionKMSID": "k"}},
	] {
		release.passes("storage_encrypted", with_class(class))
	}
	release.passes("storage_encrypted", json.patch(with_claim("encrypted"), [{
		"op": "add", "path": release.pod("/spec/volumes/0"),
		"value": {"name": "v", "persistentVolumeClaim": {"claimName": "c"}},
	}]))
}

test_storage_encrypted_fail if {
	every name in ["plain", "no-such-class", ""] {
		release.only("storage_encrypted", with_claim(name))
		release.only("storage_encrypted", release.with_object(stateful(name)))
	}
	every class in [
		{"provisioner": "pd.csi.storage.gke.io", "parameters": {}},
		{"provisioner": "disk.csi.azure.com", "parameters": {"diskEncryptionSetID": ""}},
		{"provisioner": "rbd.csi.ceph.com", "parameters": {"encrypted": "true"}},
		{"provisioner": "evil-rbd.csi.ceph.com", "parameters": {"encrypted": "true", "encryptionKMSID": "k"}},
		{"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "false"}},
		{"provisioner": "rancher.io/local-path", "parameters": {"encrypted": "true"}},
	] {
		release.only("storage_encrypted", with_class(class))
	}
	release.only("storage_encrypted", release.put(release.pod("/spec/volumes/0"), {"name": "v", "persistentVolumeClaim": {"claimName": "old"}}))
	release.only("storage_encrypted", release.put(release.pod("/spec/volumes/0"), {"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "plain"}}}}))
}

test_storage_encrypted_unknown if {
	release.objects_to("storage_encrypted", release.unknown(release.objects))
	release.only("storage_encrypted", json.patch(with_claim("encrypted"), [{"op": "replace", "path": "/storage/classes", "value": release.unknown_fact}]))
}

test_storage_encrypted_missing if {
	release.objects_to("storage_encrypted", release.without(release.objects))
	release.only("storage_encrypted", json.patch(with_claim("encrypted"), [{"op": "remove", "path": "/storage/classes"}]))
	release.only("storage_encrypted", json.patch(with_claim("encrypted"), [{"op": "remove", "path": "/storage"}]))
}
