// Package oms writes and reads model signatures by the OpenSSF Model Signing
// specification, version 1.0: a statement over the digests of a model's plain
// files, whatever package they travel in.
//
// A signature is about files as a reader gets to see them. For weights that are
// stored encrypted that is the content before encryption.
package oms
