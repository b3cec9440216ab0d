package tests.encryption

import data.tests.release

encryption := "/artifacts/0/encryption"

keys := "/artifacts/0/keys"

absent := {"state": "absent", "value": null, "source": "test", "checked_at": null}

# Outside of what the operator protects.
elsewhere(doc) := json.patch(doc, [{"op": "replace", "path": "/target/environment", "value": "staging"}])

test_encryption_algorithm_pass if {
	release.passes("encryption_algorithm", data.release)
	release.passes("encryption_algorithm", release.put(encryption, absent))
	release.passes("encryption_algorithm", elsewhere(release.unknown(encryption)))
}

test_encryption_algorithm_fail if {
	every algorithm in ["AES-128-ECB", "", "none"] {
		release.only("encryption_algorithm", release.put(concat("", [encryption, "/value"]), algorithm))
		release.only("encryption_algorithm", elsewhere(release.put(concat("", [encryption, "/value"]), algorithm)))
	}
}

test_encryption_algorithm_unknown if release.only("encryption_algorithm", release.unknown(encryption))

test_encryption_algorithm_missing if {
	release.only("encryption_algorithm", release.without(encryption))
	release.objects_to("encryption_algorithm", json.patch(release.without(encryption), [{"op": "remove", "path": "/target/environment"}]))
}

test_encryption_keys_pass if {
	release.passes("encryption_keys", data.release)
	release.passes("encryption_keys", data.release) with data.stagegate.parameters.allowed_keys as {"production": data.release.artifacts[0].keys.value}
	release.passes("encryption_keys", json.patch(data.release, [{"op": "replace", "path": encryption, "value": absent}, {"op": "replace", "path": keys, "value": absent}]))
	release.passes("encryption_keys", elsewhere(release.unknown(keys)))
}

test_encryption_keys_fail if {
	release.objects_to("encryption_keys", data.release) with data.stagegate.parameters.allowed_keys as {"production": ["arn:other"]}
	release.objects_to("encryption_keys", release.put(concat("", [keys, "/value"]), ["AGE-SECRET-KEY-1QQQ"]))
	release.objects_to("encryption_keys", release.put(concat("", [keys, "/value"]), []))
	release.objects_to("encryption_keys", release.put(keys, absent))
}

test_encryption_keys_unknown if {
	release.objects_to("encryption_keys", release.unknown(keys))
	release.objects_to("encryption_keys", json.patch(release.unknown(keys), [{"op": "replace", "path": encryption, "value": release.unknown_fact}]))
}

test_encryption_keys_missing if {
	release.objects_to("encryption_keys", release.without(keys))
	release.objects_to("encryption_keys", json.patch(release.without(keys), [{"op": "remove", "path": encryption}]))
}

test_key_rotation_pass if {
	release.passes("key_rotation", data.release)
	release.passes("key_rotation", elsewhere(release.unknown("/encryption/keys")))
}

test_key_rotation_fail if {
	every rotated in ["2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "yesterday", ""] {
		release.only("key_rotation", release.put("/encryption/keys/value/0/rotated", rotated))
	}
	release.only("key_rotation", release.put("/encryption/keys/value/0/ref", "other"))
	release.only("key_rotation", release.put("/encryption/keys/value", []))
}

test_key_rotation_unknown if {
	release.only("key_rotation", release.unknown("/encryption/keys"))
	release.objects_to("key_rotation", release.unknown(keys))
}

test_key_rotation_missing if {
	release.only("key_rotation", release.without("/encryption/keys"))
	release.only("key_rotation", release.without("/encryption"))
	release.only("key_rotation", release.without("/encryption/keys/value/0/rotated"))
	release.objects_to("key_rotation", release.without("/now"))
	release.objects_to("key_rotation", release.without(keys))
}

test_cluster_secrets_encrypted_pass if {
	every provider in ["kms", "KMSv2", "secretbox", "aescbc", "aesgcm"] {
		release.passes("cluster_secrets_encrypted", release.put("/cluster/secret_encryption", release.verified(provider)))
	}
	release.passes("cluster_secrets_encrypted", elsewhere(release.unknown("/cluster/secret_encryption")))
}

test_cluster_secrets_encrypted_fail if {
	every provider in ["identity", "", "none"] {
		release.only("cluster_secrets_encrypted", release.put("/cluster/secret_encryption", release.verified(provider)))
	}
	release.only("cluster_secrets_encrypted", release.put("/cluster/secret_encryption", absent))
	release.objects_to("cluster_secrets_encrypted", data.release) with data.stagegate.parameters.verified_environments as ["production"]
}

test_cluster_secrets_encrypted_unknown if release.only("cluster_secrets_encrypted", release.unknown("/cluster/secret_encryption"))

test_cluster_secrets_encrypted_missing if {
	release.only("cluster_secrets_encrypted", release.without("/cluster/secret_encryption"))
	release.objects_to("cluster_secrets_encrypted", release.without("/cluster"))
}

test_mesh_mtls_pass if {
	release.passes("mesh_mtls", data.release)
	release.passes("mesh_mtls", release.put("/cluster/mesh", release.verified({"name": "istio", "mtls": "strict"})))
	release.passes("mesh_mtls", elsewhere(release.unknown("/cluster/mesh")))
}

test_mesh_mtls_fail if {
	every mtls in ["permissive", "disable", ""] {
		release.only("mesh_mtls", release.put("/cluster/mesh", release.verified({"name": "istio", "mtls": mtls})))
	}
}

test_mesh_mtls_unknown if release.only("mesh_mtls", release.unknown("/cluster/mesh"))

test_mesh_mtls_missing if {
	release.only("mesh_mtls", release.without("/cluster/mesh"))
	release.only("mesh_mtls", release.put("/cluster/mesh", release.verified({"name": "istio"})))
}

balancer(annotations) := release.with_object({
	"kind": "Service", "metadata": {"name": "lb", "annotations": annotations},
	"spec": {"type": "LoadBalancer", "ports": [{"port": 443, "name": "https"}]},
})

cert := {"service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn:aws:acm:x"}

ports(list) := object.union(cert, {"service.beta.kubernetes.io/aws-load-balancer-ssl-ports": list})

test_load_balancer_tls_pass if {
	release.passes("load_balancer_tls", data.release)
	every notes in [cert, ports("443"), ports("80, https"), ports("*")] {
		release.passes("load_balancer_tls", balancer(notes))
	}
}

test_load_balancer_tls_fail if {
	every notes in [{}, ports("80"), ports(""), {"service.beta.kubernetes.io/aws-load-balancer-ssl-cert": ""}] {
		release.only("load_balancer_tls", balancer(notes))
	}
}

test_load_balancer_tls_unknown if release.objects_to("load_balancer_tls", release.unknown(release.objects))

test_load_balancer_tls_missing if {
	release.objects_to("load_balancer_tls", release.without(release.objects))
	release.only("load_balancer_tls", release.with_object({"kind": "Service", "metadata": {"name": "lb"}, "spec": {"type": "LoadBalancer"}}))
}
