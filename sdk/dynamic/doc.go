// Package dynamic carries cty values across the wire: msgpack with unknown
// values, and sensitive places beside it, since marks cannot be encoded. Both
// sides of the protocol use it, so that they agree to the byte.
package dynamic
