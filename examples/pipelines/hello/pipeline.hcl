pipeline "hello" {
  description = "Makes a file, looks at it, and packs it"
}

variable "who" {
  type    = string
  default = "world"
}

# What a command leaves in `outputs` becomes artifacts, known by their digests.
stage "greet" {
  uses = "build.command"
  with {
    command = ["sh", "-c", "mkdir -p out && echo \"hello, $WHO\" >out/greeting.txt"]
    env     = { WHO = var.who }
    outputs = ["out/greeting.txt"]
  }
}

# To use what a stage makes is to depend on it: nothing else orders stages.
stage "check" {
  uses = "test.command"
  with {
    command = ["grep", var.who, stage.greet.files["greeting.txt"]]
  }
}

# An OCI artifact in a layout on disk; with a `registry` block it is pushed.
stage "pack" {
  uses  = "build.model"
  needs = [stage.check]
  with {
    name      = "greeting"
    artifacts = stage.greet.artifacts
    layout    = "out/package"
  }
}
