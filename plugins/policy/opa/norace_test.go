//go:build !race

package opa

// stride: every removal is tried.
const stride = 1
