pipeline "example" {}

stage "serve" {
  uses        = "deploy.kubernetes"
  environment = "staging"
  with {
    name     = "digits"
    image    = "registry.example.com/images/digits-server@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    replicas = 4
    gpu { count = 1 }
    resources {
      cpu    = "2"
      memory = "8Gi"
    }
    secret_env "API_KEY" {
      secret = "digits"
      key    = "api-key"
    }
    strategy "rolling" { max_surge = "25%" }
  }
}
