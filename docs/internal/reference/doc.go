// Package reference writes those parts of the user guide that are made from
// the code: the components from what the plugins say about themselves, and the
// messages of the protocol from the comments in its files.
package reference
