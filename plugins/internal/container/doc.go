// Package container runs the command of a stage in a container of the Docker
// engine: the arguments for that, what is wrong with them, the image by its
// digest, files in and out, and the end of it all. What a container may do on the
// machine is decided here, and no configuration can widen it.
//
// Files are copied into volumes of the engine and not bound from the host. An
// engine on another machine works the same, nothing in the tree can lead the
// engine, which is root, to another file, what is tested cannot change
// meanwhile, and nothing that a container writes is in the work folder unasked.
package container
