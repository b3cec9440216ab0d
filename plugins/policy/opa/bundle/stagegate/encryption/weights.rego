# Weights at rest, and the keys to them.
package stagegate.encryption

import data.stagegate.lib
import data.stagegate.parameters

# METADATA
# title: Weights are encrypted at rest
# description: In the environments of the parameter encrypted_environments every model of the run is encrypted, or lies in a registry whose storage is. Elsewhere the rule only warns.
# custom:
#   id: weights_encrypted
#   severity: medium
#   judges: artifact
#   controls: [NIST 800-53r5 SC-28(1)]
#   facts: [artifacts.encryption, registry.at_rest]
#   remedy: Encrypt the weights before they are packed. For a registry whose storage is encrypted, the operator declares the fact registry.at_rest.
deny contains finding if {
	not lib.environment_outside(parameters.encrypted_environments)
	some finding in lib.findings("weights_encrypted", clear)
}

clear contains {"subject": object.get(model, "name", "model"), "msg": "its weights are not known to be encrypted at rest"} if {
	some model in lib.models
	not lib.established(object.get(model, "encryption", {}))
	not stored_encrypted(object.get(model, "registry", {}))
}

# The registry's own storage is encrypted, as somebody answers for.
stored_encrypted(registry) if {
	lib.established(registry.host)
	lib.established(input.registry.at_rest)
	some entry in input.registry.at_rest.value
	entry.host == registry.host.value
	entry.encrypted == true
}

# METADATA
# title: Weights are encrypted at rest
# description: The weights are not encrypted, and the environment does not demand it.
# custom:
#   id: weights_encrypted
#   severity: low
#   judges: artifact
#   remedy: Encrypt the weights before they are packed.
warn contains finding if {
	lib.environment_outside(parameters.encrypted_environments)
	some finding in lib.findings("weights_encrypted", clear)
}

# METADATA
# title: Encryption uses an accepted algorithm
# description: Weights that are encrypted are encrypted by an algorithm of the parameter allowed_algorithms. In the environments of production_environments it has to be known how they are encrypted, if they are.
# custom:
#   id: encryption_algorithm
#   severity: high
#   judges: artifact
#   controls: [NIST 800-53r5 SC-13]
#   facts: [artifacts.encryption]
#   remedy: Encrypt with an algorithm that the parameter allowed_algorithms names; build.model does.
deny contains finding if some finding in lib.findings("encryption_algorithm", weak)

weak contains {"subject": object.get(model, "name", "model"), "msg": sprintf("it is encrypted with %v, which allowed_algorithms does not name", [algorithm])} if {
	some model in lib.models
	lib.established(model.encryption)
	algorithm := model.encryption.value
	not algorithm in parameters.allowed_algorithms
}

weak contains {"subject": object.get(model, "name", "model"), "msg": "it is not known how its weights are encrypted"} if {
	lib.protected
	some model in unsure
}

# Models of which it is not even known that they are not encrypted.
unsure contains model if {
	some model in lib.models
	encryption := object.get(model, "encryption", {})
	not lib.established(encryption)
	not seen_absent(encryption)
}

seen_absent(fact) if fact.state == "absent"

# Models whose keys matter: all that are not seen to be in clear.
locked contains model if {
	some model in lib.models
	encryption := object.get(model, "encryption", {})
	not seen_absent(encryption)
}

# METADATA
# title: Keys to weights are held where they should be
# description: In the environments of production_environments an encrypted model names the keys that open it, as recipients or keys of a KMS and never the keys themselves. Where the parameter allowed_keys lists keys of the environment, it names only those.
# custom:
#   id: encryption_keys
#   severity: high
#   judges: artifact
#   controls: [NIST 800-53r5 SC-12, NIST 800-53r5 SC-28(3)]
#   facts: [artifacts.encryption, artifacts.keys]
#   remedy: Encrypt for recipients or KMS keys that the operator lists for the environment in the parameter allowed_keys.
deny contains finding if some finding in lib.demanded("encryption_keys", foreign_keys)

foreign_keys contains {"subject": object.get(model, "name", "model"), "msg": "it is not known which keys open it"} if {
	some model in locked
	not named_keys(object.get(model, "keys", {}))
}

foreign_keys contains {"subject": object.get(model, "name", "model"), "msg": "a key itself stands where the name of one belongs"} if {
	some model in locked
	some key in model.keys.value
	regex.match(`AGE-SECRET-KEY-|PRIVATE KEY`, key)
}

foreign_keys contains {"subject": object.get(model, "name", "model"), "msg": sprintf("the key %v opens it, and is not allowed in the environment", [key])} if {
	some model in locked
	some key in model.keys.value
	allowed := parameters.allowed_keys[input.target.environment]
	not key in allowed
}

named_keys(fact) if {
	lib.established(fact)
	count(fact.value) > 0
}

# METADATA
# title: Keys to weights are renewed
# description: In the environments of production_environments each key that opens an encrypted model was made or rotated at most max_key_age_days ago, as the operator declares in the fact encryption.keys.
# custom:
#   id: key_rotation
#   severity: medium
#   judges: artifact
#   controls: [NIST 800-53r5 SC-12]
#   facts: [artifacts.keys, encryption.keys]
#   remedy: Rotate the key, and have the operator say when in the fact encryption.keys.
deny contains finding if some finding in lib.demanded("key_rotation", stale)

stale contains {"subject": object.get(model, "name", "model"), "msg": sprintf("the key %v is not known to be younger than %v days", [key, parameters.max_key_age_days])} if {
	some model in locked
	some key in model.keys.value
	not fresh_key(key)
}

stale contains {"subject": object.get(model, "name", "model"), "msg": "it is not known which keys open it, so neither how old they are"} if {
	some model in locked
	not named_keys(object.get(model, "keys", {}))
}

fresh_key(ref) if {
	lib.established(input.encryption.keys)
	some entry in input.encryption.keys.value
	entry.ref == ref
	hours := lib.hours_since(entry.rotated)
	hours >= 0
	hours <= parameters.max_key_age_days * 24
}
