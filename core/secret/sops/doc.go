// Package sops reads single values out of files that sops has encrypted for age
// recipients. It verifies the whole file's MAC before it gives one. It knows
// YAML, JSON and binary files, starts no program and asks no service. None of
// its errors holds a value.
package sops
