# What the operator of the runner decides, and no pipeline can change. FOLDER
# stands for /etc/stagegate.

# Modules come from the platform team alone.
module_sources = ["ssh://git@git.example.com/platform"]

# A program knows the key, and is asked when a stage first needs it.
secret "data_key" {
  command = ["FOLDER/vault", "read", "spam/data-key"]
  timeout = "10s"
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
