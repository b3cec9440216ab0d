// Package signing is the block `sign` of builders whose result is an OCI
// artifact: it reads the key, signs what was stored, and says so in the
// artifact's annotations, as attestations, and in outputs.
//
// A key comes as a secret. It is in no log, no error and no file.
package signing
