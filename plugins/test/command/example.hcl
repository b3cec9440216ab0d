pipeline "example" {}

stage "unit" {
  uses = "test.command"
  with {
    command = ["python3", "-m", "pytest", "--junit-xml", "out/junit.xml"]
    junit   = "out/junit.xml"
  }
}
