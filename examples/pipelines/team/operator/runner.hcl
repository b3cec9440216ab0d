# What the operator of the runner decides, and no pipeline can change. FOLDER
# stands for /etc/stagegate.

# Modules come from the platform team alone.
module_sources = ["ssh://git@git.example.com/platform"]

# A program knows the key, and is asked when a stage first needs it.
secret "data_key" {
  command = ["FOLDER/vault", "read", "spam/data-key"]
  timeout = "10s"
}

# The team signs with its own key. Of what somebody pushes, only the main branch
# is signed.
secret "signing_key" {
  file = "FOLDER/signing.key"
  allow { refs = ["refs/heads/main"] }
}

# Whose approval counts. Whoever started the run does not count.
approvals {
  allowed_signers = "FOLDER/allowed_signers"
  lifetime        = "24h"
}

# The built-in rules, with a clean commit asked for everywhere.
policy "compliance" {
  uses = "policy.opa"
  with {
    parameters = { clean_environments = ["staging", "production"] }
  }
}

# What no client can see from outside of the cluster: the platform team answers
# for it.
fact "cluster.audit_log" {
  value = true
  by    = "platform team"
}

fact "cluster.secret_encryption" {
  value = "aescbc"
  by    = "platform team"
}
