// Package oci stores manifests and blobs in an OCI image layout on disk, in a
// registry, or in both. Content streams: nothing but manifests and configs is
// ever held in memory.
//
// What a push shows about the transport is recorded as annotations whose names
// are in package sdk: the runner turns them into facts that policies judge.
package oci
