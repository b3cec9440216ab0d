pipeline "example" {}

stage "image" {
  uses = "build.docker"
  with {
    dockerfile = "deploy/Dockerfile"
    build_args = { GO_VERSION = "1.26" }
    labels     = { "org.opencontainers.image.revision" = git.commit }
    registry {
      repository = "registry.example.com/images/digits-server"
    }
  }
}
