pipeline "example" {}

# The rules of this repository do what their tests say, and no line is untested.
stage "rules" {
  uses = "policy.tests"
  with {
    bundle       = "policy"
    coverage_min = 100
  }
}
