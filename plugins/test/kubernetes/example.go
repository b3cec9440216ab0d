package kubernetes

import _ "embed"

// example is what documentation shows.
//
//go:embed example.hcl
var example string
