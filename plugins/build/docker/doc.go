// Package docker is the component build.docker: it builds an image with the
// Docker engine, from a Dockerfile and the folder around it.
package docker
