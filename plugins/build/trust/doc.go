// Package trust is the block `verify` of components that use packages from
// outside: whose signatures a package must have before any of it is used.
//
// It asks for signatures that are known to be good. What else is attached to a
// package changes nothing, because anybody may attach anything.
package trust
