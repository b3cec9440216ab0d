// Package loopback is a registry in one process, for tests and measurements. It
// speaks the OCI distribution protocol as registries do that keep blobs on
// disk: it digests what it is sent, takes uploads in pieces, says how far one
// has come, mounts blobs across repositories, and serves ranges.
package loopback
