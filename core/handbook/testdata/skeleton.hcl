pipeline "example" {}

stage "command" {
  uses        = "test.command"
  environment = "staging"
  with {
    command = ["…"]
    sizes   = { name = [1, true] }
    where = {
      city  = "…"
      house = 1
    }
    made = {
      annotations = { name = "…" }
      digest      = "…"
      location    = "…"
      media_type  = "…"
      name        = "…"
      size        = 1
    }
    b "name1" {
      x = 1
      deep {}
    }
    b "name2" {
      x = 1
      deep {}
    }
  }
}
