pipeline "hello" {
  description = "The three stages of a Jenkinsfile: docker build, docker run, kubectl apply"
}

variable "registry" {
  type        = string
  description = "Registry to push to, which the Docker engine and the cluster trust."
}

variable "kubeconfig" {
  type        = string
  default     = null
  description = "How to reach the cluster. Without it: $KUBECONFIG, or ~/.kube/config."
}

# stage('Build')
stage "binary" {
  uses = "build.command"
  with {
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-o", "out/hello", "."]
    env     = { CGO_ENABLED = "0" }
    outputs = ["out/hello"]
  }
}

stage "image" {
  uses  = "build.docker"
  needs = [stage.binary]
  with {
    registry {
      repository = "${var.registry}/images/hello"
    }
  }
}

# stage('Test')
stage "test" {
  uses = "test.container"
  with {
    image   = stage.image.reference
    command = ["/hello", "--self-test"]
    limits { memory = "64MiB" }
  }
  timeout = "2m"
}

# stage('Deploy')
stage "deploy" {
  uses  = "deploy.kubernetes"
  needs = [stage.test]
  with {
    name       = "hello"
    image      = stage.image.artifact
    replicas   = 2
    kubeconfig = var.kubeconfig
    resources {
      cpu    = "250m"
      memory = "64Mi"
    }
  }
}
