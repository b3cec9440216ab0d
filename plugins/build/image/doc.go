// Package image is the component build.image: it packs files into a runnable
// OCI image without any container engine. The same files and arguments give the
// same digest on any machine.
//
// There is no base image: the result holds the files that are named and
// nothing else, which is what a static binary wants.
package image
