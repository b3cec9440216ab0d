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
    command  = ["python3", "evaluate.py", "--split", "test", "--samples", "out/samples.jsonl"]
    samples  = ["out/samples.jsonl"]
    threshold "accuracy" {
      min    = 0.93
      margin = 0.01 # against the released model
    }
    threshold "latency_p99_ms" { max = 20 }
    slice {
      metric = "accuracy"
      by     = "digit"
      min    = 0.85
    }
    baseline {
      files   = ["released/metrics.json"]
      samples = ["released/samples.jsonl"]
    }
  }
}
