package tests.secrets

import data.tests.release

with_env(name, value) := release.put(release.container("/env/0"), {"name": name, "value": value})

test_no_plaintext_secrets_pass if {
	release.passes("no_plaintext_secrets", data.release)
	every name, value in {
		"TOKENIZER_PATH": "gpt2", "MAX_TOKEN": "512", "MAX_TOKENS": "512", "API_TOKEN_FILE": "/run/secrets/token",
		"USE_TOKEN": "true", "PASSWORD": "", "KEYBOARD": "de", "SECRETARY": "ada", "MODEL_URL": "https://models.example/x",
	} {
		release.passes("no_plaintext_secrets", with_env(name, value))
	}
	release.passes("no_plaintext_secrets", release.put(release.container("/env/0"), {
		"name": "DB_PASSWORD",
		"valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}},
	}))
}

test_no_plaintext_secrets_fail if {
	every name, value in {
		"DB_PASSWORD": "hunter2", "password": "hunter2", "dbPassword": "hunter2", "HF_TOKEN": "abc", "api-key": "abc",
		"AWS_SECRET_ACCESS_KEY": "abc", "SIGNING.PRIVATE_KEY": "abc", "PASSWD": "123456",
		"A": "-----BEGIN RSA PRIVATE KEY-----", "B": "AKIAABCDEFGHIJKLMNOP", "C": "postgres://u:p@db/x",
		"D": "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "E": "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH",
	} {
		release.only("no_plaintext_secrets", with_env(name, value))
	}
	release.only("no_plaintext_secrets", release.put(release.container("/args/0"), "--password=hunter2"))
	release.only("no_plaintext_secrets", release.put(release.container("/command/0"), "AKIAABCDEFGHIJKLMNOP"))
	release.only("no_plaintext_secrets", release.with_object({"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"token": "abc"}}))
	release.only("no_plaintext_secrets", release.put(release.container("/env/0"), {"value": "hunter2"}))
	release.only("no_plaintext_secrets", release.put(release.account("/metadata/annotations/token"), "AKIAABCDEFGHIJKLMNOP"))
	release.only("no_plaintext_secrets", release.put(release.pod("/metadata/annotations/token"), "AKIAABCDEFGHIJKLMNOP"))
}

test_no_plaintext_secrets_unknown if release.objects_to("no_plaintext_secrets", release.unknown(release.objects))

test_no_plaintext_secrets_missing if release.objects_to("no_plaintext_secrets", release.without(release.objects))

# A finding must not spread what it found.
test_no_plaintext_secrets_value_is_not_repeated if {
	some finding in data.stagegate.baseline.deny with input as with_env("DB_PASSWORD", "hunter2")
	not contains(json.marshal(finding), "hunter2")
}

test_no_secret_objects_pass if {
	release.passes("no_secret_objects", data.release)
	release.passes("no_secret_objects", release.with_object({"kind": "Secret", "metadata": {"name": "s"}}))
}

test_no_secret_objects_fail if {
	every field in ["data", "stringData"] {
		release.only("no_secret_objects", release.with_object({"kind": "Secret", "metadata": {"name": "s"}, field: {"a": "b"}}))
	}
}

test_no_secret_objects_unknown if release.objects_to("no_secret_objects", release.unknown(release.objects))

test_no_secret_objects_missing if release.objects_to("no_secret_objects", release.without(release.objects))

# Elsewhere than in production the rule warns.
elsewhere(doc) := json.patch(doc, [{"op": "replace", "path": "/target/environment", "value": "staging"}])

test_secret_env_refs_pass if {
	release.passes("secret_env_refs", data.release)
	not "secret_env_refs" in release.warned(data.release)
	not "secret_env_refs" in release.warned(elsewhere(data.release))
}

test_secret_env_refs_fail if {
	every doc in [
		release.put(release.container("/env/0"), {"name": "T", "valueFrom": {"secretKeyRef": {"name": "t", "key": "v"}}}),
		release.put(release.container("/envFrom"), [{"secretRef": {"name": "t"}}]),
	] {
		release.only("secret_env_refs", doc)
		release.passes("secret_env_refs", elsewhere(doc))
		"secret_env_refs" in release.warned(elsewhere(doc))
	}
}

test_secret_env_refs_unknown if {
	release.objects_to("secret_env_refs", release.unknown(release.objects))
	"secret_env_refs" in release.warned(elsewhere(release.unknown(release.objects)))
}

test_secret_env_refs_missing if {
	release.objects_to("secret_env_refs", release.without(release.objects))
	"secret_env_refs" in release.warned(elsewhere(release.without(release.objects)))
}
