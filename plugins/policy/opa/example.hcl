pipeline "example" {}

# What the operator's policies say about the run, at this place.
stage "compliance" {
  uses = "policy.opa"
}
