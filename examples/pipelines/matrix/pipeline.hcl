pipeline "matrix" {
  description     = "Two sizes of a model, measured by a module, packed for two regions"
  timeout         = "30m"
  cleanup_timeout = "1m"
  on_failure      = "keep_going"
}

# One "model" for each size: a word list, so that the example needs nothing but
# a shell. The command says what it reads: with the same files and arguments
# its result is taken over from the last run.
stage "train" {
  for_each = var.sizes
  uses     = "build.command"
  precondition {
    condition     = each.value.words > 0
    error_message = "The ${each.key} model would know no words."
  }
  postcondition {
    condition     = self.artifacts["weights"].size < 100000
    error_message = "The ${each.key} model has ${self.artifacts["weights"].size} bytes: too many for the servers."
  }
  with {
    command = ["sh", "train.sh", tostring(each.value.words), "out/${each.key}.txt"]
    inputs  = ["train.sh", "words.txt"]
    outputs = { weights = "out/${each.key}.txt" }
  }
}

# The team's own checks are a module: a folder that other pipelines use too.
module "quality" {
  source = "./modules/quality"
  sizes  = var.sizes
  models = { for size, trained in stage.train : size => trained.artifacts["weights"] }
}

# All combinations of size and region. Each packs the model of its own size.
stage "pack" {
  for_each          = local.targets
  uses              = "build.model"
  needs             = [module.quality]
  concurrency_group = "pack-${each.value.region}"
  with {
    name      = "words-${each.key}"
    artifacts = { model = stage.train[each.value.size].artifacts["weights"] }
    kinds     = { model = "weight" }
    layout    = "out/packages/${each.key}"
  }
}

# Skipped unless it is asked for.
stage "soak" {
  uses = "test.command"
  when = var.nightly
  with { command = ["sh", "-c", "echo soaked"] }
}

# Tells people when something broke that worked the last time, and when it
# works again; not every time.
stage "tell_broken" {
  uses  = "test.command"
  needs = [stage.pack]
  run   = "on_regression"
  with {
    command = ["sh", "-c", "echo \"broken: $RUN\""]
    env     = { RUN = run.id, CHAT_TOKEN = var.chat_token }
  }
}

stage "tell_fixed" {
  uses  = "test.command"
  needs = [stage.pack]
  run   = "on_fixed"
  with { command = ["echo", "works again", run.id] }
}

stage "clean" {
  uses  = "test.command"
  needs = [stage.pack]
  run   = "always"
  with { command = ["rm", "-rf", "out/scratch"] }
}
