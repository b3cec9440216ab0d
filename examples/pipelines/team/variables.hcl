variable "registry" {
  type        = string
  description = "Registry to push the model and its server to: host, or host:port."
}

variable "registry_ca" {
  type        = string
  default     = null
  description = "PEM file of the registry's authority. Without it the system's are trusted."
}

variable "kubeconfig" {
  type        = string
  default     = null
  description = "How to reach the cluster. Without it: $KUBECONFIG, or ~/.kube/config."
}

variable "environment" {
  type    = string
  default = "staging"
  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment must be staging or production."
  }
}

variable "rehearsal" {
  type        = number
  default     = 1
  description = "How many seconds of load the model has to bear before it is released."
}
