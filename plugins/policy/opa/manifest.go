package opa

import (
	"fmt"

	"github.com/stagegate/stagegate/sdk/strictjson"
)

// bundleManifest is what a bundle says about itself, in OPA's format.
type bundleManifest struct {
	Revision    string `json:"revision"`
	RegoVersion *int   `json:"rego_version"`
	Metadata    struct {
		Name string `json:"name"`
		// MinRules is how many rules there must be, so that one that got lost
		// on the way is noticed.
		MinRules int `json:"min_rules"`
	} `json:"metadata"`
}

func readManifest(files bundleFiles) (bundleManifest, error) {
	var m bundleManifest
	m.Metadata.Name = "bundle"
	data, ok := files[manifest]
	if !ok {
		return m, nil
	}
	if err := strictjson.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("read %s: %w", manifest, err)
	}
	if m.RegoVersion != nil && *m.RegoVersion != 1 {
		return m, fmt.Errorf("%s declares Rego version %d; only version 1 is understood", manifest, *m.RegoVersion)
	}
	if m.Metadata.MinRules < 0 {
		return m, fmt.Errorf("%s declares %d rules", manifest, m.Metadata.MinRules)
	}
	return m, nil
}
