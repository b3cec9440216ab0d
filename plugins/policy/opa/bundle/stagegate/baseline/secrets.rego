# Secrets that stand in the clear.
package stagegate.baseline

import data.stagegate.lib

# METADATA
# title: No secrets in the clear
# description: Neither environment variables nor arguments nor ConfigMaps nor annotations hold something that is named or looks like a secret.
# custom:
#   id: no_plaintext_secrets
#   severity: critical
#   judges: deployment
#   controls: [NIST 800-53r5 IA-5(7), CIS Kubernetes 5.4.1]
#   facts: [workload.objects]
#   remedy: Keep the value in a Secret of the cluster or an external store and refer to it; then change it, for whoever saw the plan knows it.
deny contains finding if some finding in lib.judged("no_plaintext_secrets", plaintext)

# The value itself is never repeated.
plaintext contains {"subject": c.subject, "msg": sprintf("the variable %v holds a secret in the clear", [variable.name])} if {
	some c in lib.containers
	some variable in object.get(c.spec, "env", [])
	secret_pair(variable.name, object.get(variable, "value", ""))
}

plaintext contains {"subject": c.subject, "msg": "a variable has no name, so what it holds is not known"} if {
	some c in lib.containers
	some variable in object.get(c.spec, "env", [])
	not is_string(object.get(variable, "name", null))
}

plaintext contains {"subject": c.subject, "msg": sprintf("%s holds what looks like a secret", [field])} if {
	some c in lib.containers
	some field in ["command", "args"]
	some word in object.get(c.spec, field, [])
	secret_word(word)
}

plaintext contains {"subject": lib.name_of(object_), "msg": sprintf("the key %v holds a secret in the clear", [key])} if {
	some object_ in lib.objects
	object_.kind == "ConfigMap"
	some key, value in object.get(object_, "data", {})
	secret_pair(key, value)
}

plaintext contains {"subject": lib.name_of(object_), "msg": sprintf("the annotation %v holds what looks like a secret", [key])} if {
	some object_ in lib.objects
	some key, value in object.get(object_, ["metadata", "annotations"], {})
	secret_literal(value)
}

plaintext contains {"subject": pod.subject, "msg": sprintf("the annotation %v of its pods holds what looks like a secret", [key])} if {
	some pod in lib.pods
	some key, value in pod.annotations
	secret_literal(value)
}

secret_pair(name, value) if {
	value != ""
	secret_name(name)
	not pointer(name, value)
}

secret_pair(_, value) if secret_literal(value)

secret_name(name) if {
	words := upper(regex.replace(replace(name, "-", "_"), `([a-z])([A-Z])`, "${1}_$2"))
	regex.match(`(^|[_.])(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SECRET_?KEY|ENCRYPTION_?KEY)([_.]|$)`, words)
}

# A path to a mounted file and a plain switch or limit are no secrets, whatever
# they are called: TOKEN_FILE, MAX_TOKEN, USE_SECRET.
pointer(_, value) if regex.match(`^/[A-Za-z0-9._/-]+$`, value)

pointer(_, value) if lower(value) in {"true", "false", "yes", "no", "on", "off"}

pointer(name, value) if {
	contains(upper(name), "TOKEN")
	regex.match(`^[0-9]{1,7}$`, value)
}

secret_word(word) if secret_literal(word)

secret_word(word) if {
	parts := split(word, "=")
	count(parts) > 1
	secret_pair(trim_left(parts[0], "-"), concat("=", array.slice(parts, 1, count(parts))))
}

# Forms that issuers give to their keys.
secret_literal(value) if {
	regex.match(
		`-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{22}|\bglpat-[A-Za-z0-9_-]{20}|\bxox[abprs]-[A-Za-z0-9-]{10}|\bhf_[A-Za-z0-9]{30}|\bsk-[A-Za-z0-9_-]{32}|\bAIza[0-9A-Za-z_-]{35}|\bAGE-SECRET-KEY-1|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.|://[^/\s:@]+:[^/\s:@]+@`,
		value,
	)
}

# METADATA
# title: Plans hold no Secret objects
# description: A plan is recorded and shown; a Secret object with data in it would be too.
# custom:
#   id: no_secret_objects
#   severity: critical
#   judges: deployment
#   controls: [NIST 800-53r5 SC-28, NIST 800-53r5 IA-5(7)]
#   facts: [workload.objects]
#   remedy: Create the Secret outside the pipeline, or have an operator such as External Secrets do it, and refer to it by name.
deny contains finding if some finding in lib.judged("no_secret_objects", secret_objects)

secret_objects contains {"subject": lib.name_of(object_), "msg": "the plan carries the content of a Secret"} if {
	some object_ in lib.objects
	object_.kind == "Secret"
	some field in ["data", "stringData"]
	count(object.get(object_, field, {})) > 0
}

# METADATA
# title: Secrets come as files rather than variables
# description: A variable is inherited by every child process and shows in crash reports; a mounted file does neither. In the environments of production_environments the rule denies, elsewhere it warns.
# custom:
#   id: secret_env_refs
#   severity: medium
#   judges: deployment
#   controls: [CIS Kubernetes 5.4.1, NIST 800-53r5 IA-5(7)]
#   facts: [workload.objects]
#   remedy: Mount the Secret as a volume and read the file.
deny contains finding if {
	lib.protected
	some finding in lib.judged("secret_env_refs", env_refs)
}

# METADATA
# title: Secrets come as files rather than variables
# description: A variable holds a secret, and the environment does not forbid it.
# custom:
#   id: secret_env_refs
#   severity: low
#   judges: deployment
#   remedy: Mount the Secret as a volume and read the file.
warn contains finding if {
	not lib.protected
	some finding in lib.judged("secret_env_refs", env_refs)
}

env_refs contains {"subject": c.subject, "msg": sprintf("the variable %v is filled from a Secret", [variable.name])} if {
	some c in lib.containers
	some variable in object.get(c.spec, "env", [])
	variable.valueFrom.secretKeyRef
}

env_refs contains {"subject": c.subject, "msg": "all keys of a Secret become variables"} if {
	some c in lib.containers
	some source in object.get(c.spec, "envFrom", [])
	source.secretRef
}
