// Package signing is the block `sign` of builders whose result is an OCI
// artifact: it signs with a key, or with a certificate, what is to be published,
// and says so in the artifact's annotations, as attestations, and in outputs.
//
// A key, and an identity token, comes as a secret. It is in no log, no error and
// no file.
package signing
