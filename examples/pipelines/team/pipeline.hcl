pipeline "team" {
  description    = "A spam filter that five people release together"
  runner_version = ">= 0.1"
  timeout        = "4h"
}

# The messages are people's own: the repository has them sealed, and the key is
# where the operator says. The command gets it; no log, journal or message does.
stage "train" {
  uses = "build.command"
  with {
    command = ["go", "run", "./spam", "train", "--model", "out/model.safetensors"]
    env     = { DATA_KEY = secret("data_key") }
    inputs  = ["go.mod", "spam", "data"]
    outputs = ["out/model.safetensors"]
  }
}

stage "server" {
  uses = "build.command"
  with {
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-o", "out/spam", "./spam"]
    env     = { CGO_ENABLED = "0" }
    inputs  = ["go.mod", "spam"]
    outputs = ["out/spam"]
  }
}

stage "weights" {
  uses = "build.model"
  with {
    name      = "spam"
    artifacts = stage.train.artifacts
    registry {
      repository = "${var.registry}/models/spam"
      ca_file    = var.registry_ca
    }
    sign { key = secret("signing_key") }
  }
}

stage "image" {
  uses = "build.image"
  with {
    name       = "spam-server"
    entrypoint = ["/spam", "serve"]
    file "/spam" {
      artifact = stage.server.artifacts["spam"]
      mode     = "0755"
    }
    registry {
      repository = "${var.registry}/images/spam-server"
      ca_file    = var.registry_ca
    }
    sign { key = secret("signing_key") }
  }
}

stage "accuracy" {
  uses = "test.eval"
  with {
    artifact = stage.weights.artifact
    command  = ["go", "run", "./spam", "evaluate", "--model", stage.train.files["model.safetensors"]]
    env      = { DATA_KEY = secret("data_key") }
    threshold "accuracy" { min = 0.75 }
  }
}

# There is one spare machine. Only the newest candidate is worth its time: a run
# that comes to this stage ends the older ones that are in it or wait for it.
stage "rehearsal" {
  uses              = "test.command"
  concurrency_group = "spare-machine"
  concurrency_mode  = "cancel_older"
  with {
    command = ["go", "run", "./spam", "rehearse", "--model", stage.train.files["model.safetensors"], "--rounds", tostring(var.rehearsal)]
  }
}

# How this company serves models is the platform team's: their module, at the
# version that .stagegate.lock.hcl pins to a commit.
module "serve" {
  source      = "git::ssh://git@git.example.com/platform/modules.git//serve?ref=v1.0"
  needs       = [stage.accuracy, stage.rehearsal]
  name        = "spam"
  image       = stage.image.artifact
  model       = stage.weights.artifact
  file        = stage.train.artifacts["model.safetensors"]
  environment = var.environment
  approvals   = var.environment == "production" ? 2 : 1
  kubeconfig  = var.kubeconfig
}

# Said in the team's channel, once: when a release fails that went well before.
stage "broken" {
  uses  = "test.command"
  needs = [module.serve]
  run   = "on_regression"
  with { command = ["sh", "-c", "mkdir -p out && echo \"release $0 is broken\" >>out/channel.txt", run.id] }
}
