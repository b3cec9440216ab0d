pipeline "example" {}

locals {
  release_key = <<-PEM
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZrUj/MbxYJkdgr6Oyk0J1YHK/7K9
    kOTKLu1jwWjhL4XjXL9pulWC9qN5C6T7ZjYErFCBZk++ZLcDULYXl2XP6A==
    -----END PUBLIC KEY-----
  PEM
}

stage "base" {
  uses = "build.fetch"
  with {
    from = "registry.example.com/models/base@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    into = "in/base"
    verify { keys = [local.release_key] }
    decrypt {
      identities = [secret("models_key")]
    }
  }
}
