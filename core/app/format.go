package app

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/view"
)

// formatFlag adds --format to a command that prints one answer.
func formatFlag(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVar(format, "format", "text", "text or json")
}

// print writes an answer as JSON or in the words of text.
func (a *app) print(format string, answer any, text func() error) error {
	if format != "json" {
		return text()
	}
	a.machine.answered = true
	enc := json.NewEncoder(a.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(answer)
}

// checkFormat refuses an unknown format before anything is done.
func checkFormat(format string) error {
	if format == "text" || format == "json" {
		return nil
	}
	return usage(fmt.Errorf("unknown format %q: use text or json", format))
}

// say prints text of others: as it is, but without what could steer a
// terminal.
func (a *app) say(text string) {
	a.machine.answered = true
	if _, is := terminal(a.Stdout); is {
		text = view.Printable(text)
	}
	fmt.Fprint(a.Stdout, text)
}
