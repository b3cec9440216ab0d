# A line for the company's wall display.
variable "text" { type = string }

stage "post" {
  uses = "test.command"
  with { command = ["sh", "${path.module}/post.sh", var.text] }
}
