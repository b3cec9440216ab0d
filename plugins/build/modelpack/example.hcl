pipeline "example" {}

stage "weights" {
  uses = "build.model"
  with {
    name     = "digits"
    version  = "1.4.0"
    files    = ["out/*.safetensors", "out/config.json"]
    licenses = ["Apache-2.0"]
    revision = git.commit
    registry {
      repository = "registry.example.com/models/digits"
    }
  }
}
