// Package kubernetes is the component deploy.kubernetes: it plans, applies,
// observes and rolls back a release of a model server on a Kubernetes cluster.
//
// It decides what is said to the cluster and to the user. What the objects look
// like is package manifest's business, what the cluster's answers mean package
// rollout's, and how to talk to it package cluster's.
package kubernetes
