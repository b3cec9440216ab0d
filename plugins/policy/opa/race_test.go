//go:build race

package opa

// stride: under the race detector, which makes evaluation ten times slower, each
// break tries every eighth removal, starting at another one each.
const stride = 8
