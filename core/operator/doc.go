// Package operator reads the configuration of whoever runs the runner: where
// state is kept, which plugins and policies count, and where secrets are. It
// is trusted; a pipeline never is.
package operator
