pipeline "example" {}

stage "train" {
  uses = "build.command"
  with {
    command = ["python3", "train.py", "--out", "out/model.safetensors"]
    env     = { OMP_NUM_THREADS = "4" }
    outputs = { weights = "out/model.safetensors" }
  }
}
