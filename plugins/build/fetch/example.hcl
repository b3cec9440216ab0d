pipeline "example" {}

stage "base" {
  uses = "build.fetch"
  with {
    from = "registry.example.com/models/base@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    into = "in/base"
    decrypt {
      identities = [secret("models_key")]
    }
  }
}
