pipeline "digits" {
  description    = "Handwritten-digit classifier: train, pack, evaluate, judge, serve"
  runner_version = ">= 0.1"
}

# Gradient descent, a second or so. What it writes becomes artifacts, each
# known by its digest from here on. It runs again when something of its inputs
# has changed.
stage "train" {
  uses = "build.command"
  with {
    command = ["go", "run", "./train", "--out", "out"]
    inputs  = ["go.mod", "train", "network", "dataset", "data/digits.csv.gz"]
    outputs = ["out/model.safetensors", "out/config.json"]
  }
}

# The model as an OCI artifact: by its digest it is evaluated, judged and served.
stage "weights" {
  uses = "build.model"
  with {
    name      = "digits"
    artifacts = stage.train.artifacts
    licenses  = ["Apache-2.0"]
    registry {
      repository = "${var.registry}/models/digits"
      ca_file    = var.registry_ca
    }
  }
}

stage "server" {
  uses = "build.command"
  with {
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-o", "out/server", "./server"]
    env     = { CGO_ENABLED = "0" }
    inputs  = ["go.mod", "server", "network", "dataset"]
    outputs = ["out/server"]
  }
}

# A static binary needs no Docker engine to become an image.
stage "image" {
  uses = "build.image"
  with {
    name       = "digits-server"
    entrypoint = ["/server"]
    file "/server" {
      artifact = stage.server.artifacts["server"]
      mode     = "0755"
    }
    registry {
      repository = "${var.registry}/images/digits-server"
      ca_file    = var.registry_ca
    }
  }
}

# Asks the server that will be deployed about rows that training never saw, and
# compares each answer with that of the released model.
stage "accuracy" {
  uses = "test.eval"
  with {
    artifact = stage.weights.artifact
    command = [
      "go", "run", "./evaluate",
      "--server", stage.server.files["server"],
      "--model", stage.train.files["model.safetensors"],
      "--digest", stage.train.artifacts["model.safetensors"].digest,
      "--samples", "out/rows.jsonl",
    ]
    samples = ["out/rows.jsonl"]
    inputs = [
      "go.mod", "evaluate", "dataset", "data/digits.csv.gz",
      stage.server.files["server"], stage.train.files["model.safetensors"],
    ]
    threshold "accuracy" {
      min    = 0.95
      margin = 0.02
    }
    slice {
      metric = "accuracy"
      by     = "digit"
      min    = 0.8
    }
    baseline {
      files   = ["released/evaluation.json"]
      samples = ["released/samples.jsonl"]
    }
  }
}

# What the operator's policy says about the very plan that `serve` will apply.
stage "compliance" {
  uses  = "policy.opa"
  needs = [stage.accuracy]
}

stage "serve" {
  uses        = "deploy.kubernetes"
  needs       = [stage.compliance]
  environment = var.environment
  with {
    name       = "digits"
    image      = stage.image.artifact
    artifact   = stage.weights.artifact
    replicas   = var.environment == "production" ? 4 : 2
    kubeconfig = var.kubeconfig
    args = [
      "--model=/models/digits/model.safetensors",
      "--digest=${stage.train.artifacts["model.safetensors"].digest}",
    ]
    resources {
      cpu    = "500m"
      memory = "256Mi"
    }
    gpu { count = 1 }
  }
}
