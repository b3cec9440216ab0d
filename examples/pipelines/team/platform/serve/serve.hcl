# How a model is served: hardened, on GPUs, one release at a time, and not
# before people have agreed to the plan.
variable "name" { type = string }
variable "image" { description = "The server, as an artifact in a registry." }
variable "model" { description = "The model, as an artifact in a registry." }
variable "file" { description = "The file in the model that the server loads." }
variable "environment" { type = string }
variable "kubeconfig" { type = string }

variable "approvals" {
  type        = number
  description = "How many people have to agree, apart from whoever started the run."
  default     = 2
}

stage "deploy" {
  uses              = "deploy.kubernetes"
  environment       = var.environment
  concurrency_group = "deploy-${var.name}-${var.environment}"
  approval {
    required = var.approvals
    expires  = "8h"
  }
  with {
    name       = var.name
    image      = var.image
    artifact   = var.model
    replicas   = var.environment == "production" ? 4 : 2
    kubeconfig = var.kubeconfig
    args       = ["--model=/models/${var.model.name}/${var.file.name}", "--digest=${var.file.digest}"]
    resources {
      cpu    = "500m"
      memory = "128Mi"
    }
    gpu { count = 1 }
  }
}

module "news" {
  source = "./news"
  text   = "${var.name} serves ${var.file.digest} in ${var.environment} at ${stage.deploy.service}"
}

output "address" {
  description = "Where the model answers, within the cluster."
  value       = "http://${stage.deploy.service}"
}
