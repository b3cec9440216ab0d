// Package seal makes keyed hashes of values that must not be kept, so that it
// can be told later whether somebody gives the same value again. Without the
// key nobody can try values out. It is not a cache of secrets, and holds none.
package seal
