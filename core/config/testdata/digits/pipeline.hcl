pipeline "digits" {
  description    = "Handwritten-digit classifier"
  runner_version = ">= 0.1"
}

plugins { # first-party plugins need no entry
  acme = { source = "registry.acme.example/runner/acme", version = "~> 1.2" }
}

variable "environment" {
  type    = string
  default = "staging"
  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment must be staging or production."
  }
}

locals { replicas = var.environment == "production" ? 4 : 2 }

stage "weights" {
  uses = "build.model"
  with {
    name  = "digits"
    files = ["out/model.safetensors", "out/config.json"]
  }
}

stage "accuracy" {
  uses = "test.eval"
  with {
    artifact = stage.weights.artifact
    command  = ["./evaluate", "--split", "test"]
    threshold "accuracy" { min = 0.93 }
  }
  timeout = "20m"
  retry {
    attempts = 3
    backoff  = "5s"
  }
}

stage "compliance" {
  uses  = "policy.opa"
  needs = [stage.accuracy]
}

stage "serve" {
  uses        = "deploy.kubernetes"
  needs       = [stage.compliance]
  environment = var.environment
  with {
    artifact = stage.weights.artifact
    replicas = local.replicas
    gpu {
      resource = "nvidia.com/gpu"
      count    = 1
    }
    strategy "blue_green" {}
  }
}
