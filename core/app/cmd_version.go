package app

import (
	"encoding/json"
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

// formatFlag adds --format to a command that prints one answer.
func formatFlag(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVar(format, "format", "text", "text or json")
}

// print writes an answer as JSON or in the words of text.
func (a *app) print(format string, answer any, text func() error) error {
	switch format {
	case "json":
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(answer)
	case "text", "":
		return text()
	default:
		return unknownFormat(format)
	}
}

func unknownFormat(format string) error {
	return usage(fmt.Errorf("unknown format %q: use text or json", format))
}
