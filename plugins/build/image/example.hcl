pipeline "example" {}

stage "image" {
  uses = "build.image"
  with {
    name       = "digits-server"
    entrypoint = ["/server", "--port=8080"]
    ports      = ["8080/tcp"]
    file "/server" {
      source = "out/server"
      mode   = "0755"
    }
    registry {
      repository = "registry.example.com/images/digits-server"
    }
  }
}
