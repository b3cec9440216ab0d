# What all scripts have in common: an image that this run has pushed.
variable "registry" { type = string }
variable "registry_ca" { type = string }
variable "kubeconfig" { type = string }
variable "namespace" { type = string }

stage "image" {
  uses = "build.image"
  with {
    name       = "server"
    entrypoint = ["/server"]
    file "/server" {
      source = "server"
      mode   = "0755"
    }
    registry {
      repository = "${var.registry}/e2e/server"
      ca_file    = var.registry_ca
    }
  }
}
