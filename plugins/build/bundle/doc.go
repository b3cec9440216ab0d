// Package bundle makes and reads sigstore bundles, version 0.3, that hold an
// in-toto Statement in a DSSE envelope: the form that OpenSSF model signing and
// cosign have in common. What a statement says is the business of others.
//
// A signature depends on the key and the statement alone (RFC 6979), so that
// the same work leaves the same bundle. No error quotes a key.
package bundle
