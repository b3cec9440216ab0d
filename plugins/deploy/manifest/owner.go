package manifest

import (
	"strings"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// Owns reports whether an object carries the labels that Render gives to the
// objects of a release with that name.
func Owns(o kube.Object, name string) bool {
	return o.Label(LabelManagedBy) == Tool && o.Label(LabelName) == name
}

// revisionOf is the short name of a pod template: equal templates, equal
// revisions.
func revisionOf(template map[string]any) (string, error) {
	digest, err := kube.Digest(template)
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(digest, "sha256:")[:8], nil
}
