# What the cluster keeps.
package stagegate.encryption

import data.stagegate.lib

# METADATA
# title: The cluster encrypts its Secrets
# description: In the environments of production_environments the cluster encrypts Secrets where it stores them. No client sees that, so the operator declares it in the fact cluster.secret_encryption.
# custom:
#   id: cluster_secrets_encrypted
#   severity: high
#   judges: deployment
#   controls: [CIS Kubernetes 1.2.27, CIS Kubernetes 1.2.28, Kubescape C-0066, NIST 800-53r5 SC-28]
#   facts: [cluster.secret_encryption]
#   remedy: Give the API server an EncryptionConfiguration, and have the operator declare the fact cluster.secret_encryption with the provider's name.
deny contains finding if some finding in lib.demanded("cluster_secrets_encrypted", clear_secrets)

clear_secrets := lib.unknown(["cluster", "secret_encryption"]) | unencrypted_secrets

unencrypted_secrets contains {"subject": "cluster.secret_encryption", "msg": sprintf("Secrets are stored by the provider %v, which does not encrypt", [provider])} if {
	lib.established(input.cluster.secret_encryption)
	provider := input.cluster.secret_encryption.value
	not encrypting(provider)
}

encrypting(provider) if {
	is_string(provider)
	lower(provider) in {"aescbc", "aesgcm", "secretbox", "kms", "kmsv2"}
}
