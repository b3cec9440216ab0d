package config

import (
	"fmt"

	"github.com/hashicorp/go-version"
	"github.com/stagegate/stagegate/core/diag"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// checkPluginVersions holds the plugins that were found to the versions that
// the pipeline asks for.
func (s *Source) checkPluginVersions(found map[string]*pluginv1.DescribeResponse, diags *diag.List) {
	for _, need := range s.plugins {
		plugin := found[need.Name]
		if plugin == nil || need.Version == "" {
			continue
		}
		wanted, err := version.NewConstraint(need.Version)
		if err != nil {
			continue // it has been said where it is written
		}
		have, err := version.NewVersion(plugin.GetVersion())
		if err != nil || !wanted.Check(have) {
			diags.Append(need.Range.Ptr(), fmt.Sprintf("Wrong version of plugin %q", need.Name), fmt.Sprintf(
				"This pipeline needs %s, and the plugin that is installed is %s. Install another, or change version.",
				need.Version, clip(plugin.GetVersion())))
		}
	}
}
