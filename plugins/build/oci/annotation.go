package oci

import "github.com/stagegate/stagegate/sdk"

// Facts are the annotations that a push has earned; none before it.
func (r *Registry) Facts() map[string]string {
	version := r.observed.version()
	if version == "" {
		return nil
	}
	ca := "verified"
	if version == "none" {
		ca = "none"
	}
	return map[string]string{
		sdk.AnnotationRegistryHost: r.opts.Host,
		sdk.AnnotationRegistryTLS:  version,
		sdk.AnnotationRegistryCA:   ca,
	}
}
