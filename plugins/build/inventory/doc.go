// Package inventory reads what a package says that it holds: its manifest, its
// config, and the files that its layers are to become. What it reads is hostile;
// nothing of it is known to be true before the layers' digests fit.
package inventory
