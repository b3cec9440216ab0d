pipeline "example" {}

stage "weights" {
  uses = "build.model"
  with {
    name  = "digits"
    files = ["out/*.safetensors"]
  }
}

stage "accuracy" {
  uses = "test.eval"
  with {
    artifact = stage.weights.artifact
    command  = ["python3", "evaluate.py", "--split", "test"]
    threshold "accuracy" { min = 0.93 }
    threshold "latency_p99_ms" { max = 20 }
  }
}
