variable "sizes" {
  description = "What is asked of each model."
  type        = map(object({ words = number, floors = map(number) }))
}

variable "models" {
  description = "The models by size, as artifacts."
}

# One threshold for each floor that a size has.
stage "measure" {
  for_each = var.sizes
  uses     = "test.eval"
  with {
    artifact = var.models[each.key]
    command  = ["sh", "${path.module}/measure.sh", "out/${each.key}.txt", "words.txt"]
    inputs   = ["modules/quality/measure.sh", "out/${each.key}.txt", "words.txt"]
    dynamic "threshold" {
      for_each = each.value.floors
      labels   = [threshold.key]
      content { min = threshold.value }
    }
  }
}

output "coverage" {
  description = "The part of all words that each model knows."
  value       = { for size, measured in stage.measure : size => measured.metrics["coverage"] }
}
