# A run that nobody watches: it has a budget, stops at the first failure, cleans
# up after itself, and speaks only when something has changed.
pipeline "nightly" {
  description     = "Trains and evaluates every night"
  timeout         = "2h"
  cleanup_timeout = "5m"
  on_failure      = "fail_fast"
}

# Whoever operates the runner says where "team" goes; where nobody has, nobody is
# told.
notify "team" {
  target  = "team"
  on      = ["regression", "fixed"]
  channel = "#ml-nightly"
}

# A policy that says no to the main branch is for the one who is in charge of it.
notify "owner" {
  target   = "mail"
  on       = ["denied"]
  branches = ["main"]
  to       = ["ml-owner@example.com"]
}

variable "epochs" {
  type     = number
  nullable = false
  default  = 3
}

# Every night anew, also when nothing has changed. A machine that has a bad moment
# gets a second chance.
stage "train" {
  uses  = "build.command"
  cache = false
  retry {
    attempts = 2
    backoff  = "10s"
  }
  with {
    command = ["sh", "train.sh"]
    env     = { EPOCHS = tostring(var.epochs) }
    outputs = { model = "out/model.txt" }
  }
}

stage "lint" {
  uses = "test.command"
  with { command = ["sh", "-n", "train.sh"] }
}

stage "evaluate" {
  uses = "test.command"
  with {
    command = ["sh", "-c", "test \"$(wc -l <\"$MODEL\")\" -ge 3"]
    env     = { MODEL = stage.train.files["model"] }
  }
}

# The first night that it is broken, and not the ones after.
stage "broken" {
  uses  = "test.command"
  needs = [stage.evaluate, stage.lint]
  run   = "on_regression"
  with {
    command = ["sh", "-c", "echo \"broken since $RUN\" >>messages.txt"]
    env     = { RUN = run.id }
  }
}

stage "mended" {
  uses  = "test.command"
  needs = [stage.evaluate, stage.lint]
  run   = "on_fixed"
  with {
    command = ["sh", "-c", "echo \"well again since $RUN\" >>messages.txt"]
    env     = { RUN = run.id }
  }
}

stage "teardown" {
  uses  = "test.command"
  needs = [stage.train]
  run   = "always"
  with { command = ["rm", "-f", "out/scratch.txt"] }
}
