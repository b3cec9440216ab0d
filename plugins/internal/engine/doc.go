// Package engine speaks to a Docker engine. It is the only package that imports
// the engine's client, so that moving to its successor is a change of one place.
package engine
