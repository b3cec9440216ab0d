# Written by "runner init": what the sources of modules stood for when they were
# pinned. Keep this file with the pipeline, and do not edit it.

module "git::ssh://git@git.example.com/platform/modules.git//serve?ref=v1.0" {
  ref    = "refs/tags/v1.0"
  commit = "71343114cff8192a21e16291eb2fb933caec30e9"
  digest = "h1:wQxKg/6OC+uyyekjiEI8AvkMDCE5ogC+D+2RlL+VOIc="
}
