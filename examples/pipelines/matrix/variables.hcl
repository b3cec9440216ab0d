variable "sizes" {
  description = "The models to make, and what is asked of each."
  type = map(object({
    words  = number
    floors = optional(map(number), { coverage = 0.3 })
  }))
  default = {
    small = { words = 4 }
    large = { words = 8, floors = { coverage = 0.6, unique = 1 } }
  }
}

variable "regions" {
  type    = set(string)
  default = ["eu", "us"]
  validation {
    condition     = length(var.regions) > 0
    error_message = "Name at least one region."
  }
}

variable "nightly" {
  type    = bool
  default = false
}

variable "chat_token" {
  type      = string
  default   = "no-token-was-given"
  sensitive = true
}

locals {
  targets = {
    for pair in setproduct(keys(var.sizes), var.regions) : "${pair[0]}-${pair[1]}" => { size = pair[0], region = pair[1] }
  }
}
