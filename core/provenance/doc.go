// Package provenance says in SLSA's terms how artifacts came to be: which
// commit, pipeline, plugin and configuration, and from what. It builds
// statements and signs none. It reads nothing: the caller knows it all.
//
// A statement holds no secret. Sensitive values are left out by their marks,
// and every text goes through the caller's mask.
package provenance
