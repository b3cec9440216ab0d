// Package kubernetes is the component test.kubernetes: it runs a command as a Job
// on a Kubernetes cluster, and judges its exit code and its metrics. Package job
// says what is applied and what the cluster's answers mean.
package kubernetes
