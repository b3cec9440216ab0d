// Package e2e drives the real binaries against a real Kubernetes: each script
// below testdata says what a user would type and see, and then asks the cluster
// whether it is true. Every script starts from the files in testdata/common, a
// stage that pushes an image to the registry beside the cluster, and has a
// namespace, a home and a state folder of its own.
package e2e
