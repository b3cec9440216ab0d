// Package fetch is the component build.fetch: it reads a package from a registry
// or an OCI layout into the work folder. What it reads is hostile until its
// digest fits: nothing is seen in its place before all of it has been verified,
// and nothing of it can lie anywhere else.
package fetch
