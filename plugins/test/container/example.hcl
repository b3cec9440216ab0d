pipeline "example" {}

stage "evaluate" {
  uses = "test.container"
  with {
    image        = "registry.example.com/eval@sha256:3b0c5cba3c4ac2b1f1d5e0a5f0f1ce6f7f0a2ed1e5b9f6f2a64f5d0c3d7a1b42"
    command      = ["python3", "evaluate.py", "--model", "/model/model.safetensors", "--out", "/out/metrics.json"]
    inputs       = ["evaluate.py", "data/test.csv"]
    metrics_file = "metrics.json"
    threshold "accuracy" { min = 0.93 }
    limits {
      memory = "8GiB"
      cpus   = 4
    }
  }
}
