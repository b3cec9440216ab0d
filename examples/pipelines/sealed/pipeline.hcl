pipeline "sealed" {
  description    = "A model that only its readers can open, and that anybody can verify"
  runner_version = ">= 0.1"
}

# Stands for hours of training: a shell script that writes a safetensors file.
stage "train" {
  uses = "build.command"
  with {
    command = ["sh", "train", "out/model.safetensors"]
    inputs  = ["train"]
    outputs = ["out/model.safetensors"]
  }
}

# Encrypted for whoever holds one of these keys, and signed twice: the weights as
# their readers see them, and the package as it is stored.
stage "package" {
  uses = "build.model"
  with {
    name      = "sealed"
    version   = "1.0"
    artifacts = stage.train.artifacts
    licenses  = ["Apache-2.0"]
    layout    = "dist/sealed"
    encrypt {
      recipients = [trimspace(file("keys/customer.pub")), trimspace(file("keys/backup.pub"))]
    }
    sign { key = secret("release_key") }
  }
}

# What the customer does, here as a test: nothing is fetched that is not signed,
# and nothing is used that is not what was signed.
stage "customer" {
  uses = "build.fetch"
  with {
    artifact = stage.package.artifact
    into     = "received"
    verify {
      keys       = [file("keys/release.pub")]
      signatures = ["cosign", "oms"]
    }
    decrypt { identities = [secret("customer_key")] }
  }
}

stage "same" {
  uses  = "test.command"
  needs = [stage.customer]
  with { command = ["cmp", "out/model.safetensors", "received/model.safetensors"] }
}
