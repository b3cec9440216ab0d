// Package modelpack is the component build.model: it packs files as an OCI
// artifact by the ModelPack specification, version 0.0.7.
//
// Every file is a layer of its own, raw, so that the layer's digest is the
// file's sha256. The same files and arguments give the same digest on any
// machine: owner, time and the rest of a file's metadata are constants.
package modelpack
