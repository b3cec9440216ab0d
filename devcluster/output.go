package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/stagegate/stagegate/devcluster/internal/cluster"
)

func (o *options) print(w io.Writer, report cluster.Report) error {
	if o.format == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	if report.State == cluster.Stopped {
		_, err := fmt.Fprintln(w, "not running")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(table, "%s\t%s\n", name, value) }
	row("state", string(report.State))
	row("server", orDash(strings.TrimSpace(report.Server+"  "+report.Version)))
	row("nodes", orDash(describeNodes(report.Nodes)))
	row("registry", report.Registry.Address)
	row("registry CA", report.Registry.CA)
	row("kubeconfig", report.Kubeconfig)
	if err := table.Flush(); err != nil {
		return err
	}
	for i := range report.Components {
		one := &report.Components[i]
		if one.Healthy {
			continue
		}
		fmt.Fprintf(w, "\n%s: %s, see %s\n", one.Name, one.Problem, one.LogFile)
		printLog(w, one.Log)
	}
	return nil
}

func describeNodes(nodes []cluster.NodeReport) string {
	described := make([]string, 0, len(nodes))
	for _, node := range nodes {
		text := fmt.Sprintf("%s (%d GPUs)", node.Name, node.GPUs)
		if node.GPUs == 0 {
			text = node.Name + " (no GPU)"
		}
		if !node.Ready {
			text += " not ready"
		}
		described = append(described, text)
	}
	return strings.Join(described, ", ")
}

func printLog(w io.Writer, lines []string) {
	for _, line := range lines {
		fmt.Fprintf(w, "  | %s\n", line)
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
