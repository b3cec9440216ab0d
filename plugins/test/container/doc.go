// Package container is the component test.container: it runs a command in a
// container of the Docker engine, and judges its exit code, its JUnit reports and
// its metrics.
package container
