package app

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/view"
)

// versionInfo is the JSON form of the version.
type versionInfo struct {
	Schema   int    `json:"schema"`
	Version  string `json:"version"`
	Protocol string `json:"plugin_protocol"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			info := versionInfo{
				Schema: view.SchemaVersion, Version: Version, Protocol: "runner.plugin.v1",
				Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
			}
			return a.print(format, info, func() error {
				_, err := fmt.Fprintf(a.Stdout, "runner %s (%s, plugin protocol %s)\n", info.Version, info.Platform, info.Protocol)
				return err
			})
		},
	}
	formatFlag(cmd, &format)
	return cmd
}
