pipeline "example" {}

stage "evaluate" {
  uses = "test.kubernetes"
  with {
    image     = "registry.example.com/eval@sha256:3b0c5cba3c4ac2b1f1d5e0a5f0f1ce6f7f0a2ed1e5b9f6f2a64f5d0c3d7a1b42"
    command   = ["python3", "evaluate.py", "--model", "/models/digits"]
    namespace = "evaluation"
    queue     = "gpu"
    deadline  = "2h"
    gpu {
      resource = "nvidia.com/gpu"
      count    = 4
    }
    resources {
      cpu    = "16"
      memory = "128Gi"
      shm    = "32Gi"
    }
    threshold "accuracy" { min = 0.93 }
  }
}
