package app

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Reference writes the reference of the command line, in Markdown.
func Reference(w io.Writer) error {
	root := new(app).rootCommand()
	root.InitDefaultHelpFlag()
	root.InitDefaultVersionFlag()
	var b strings.Builder
	fmt.Fprintf(&b, "# The command line\n\n<!-- Made by go generate from the commands themselves: do not edit. -->\n\n%s\n\n", root.Long)
	b.WriteString("A single dash before the name of a flag counts for two: `-var` is `--var`.\n\n")
	b.WriteString("| Command | |\n|---|---|\n")
	each(root, func(cmd *cobra.Command) {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", cmd.CommandPath(), strings.ReplaceAll(cmd.CommandPath(), " ", "-"), cmd.Short)
	})
	fmt.Fprintf(&b, "\nFlags of every command:\n\n```\n%s```\n", root.PersistentFlags().FlagUsages())
	each(root, func(cmd *cobra.Command) { describe(&b, cmd) })
	b.WriteString(codes)
	_, err := io.WriteString(w, b.String())
	return err
}

const codes = `
## Exit codes

| Code | |
|---|---|
| 0 | done |
| 1 | internal error |
| 2 | usage or configuration |
| 3 | a stage failed |
| 4 | a policy denied |
| 5 | waiting for approval |
| 130 | interrupted |

The first Ctrl-C, SIGTERM or SIGHUP stops a run; stages with ` + "`run = \"always\"`" + ` still run. The second one ends at once.

## Environment

| Variable | |
|---|---|
| ` + "`RUNNER_HOME`" + ` | folder with the state; default: ` + "`stagegate`" + ` in the XDG state folder |
| ` + "`RUNNER_CONFIG`" + ` | the operator's configuration; default: ` + "`stagegate/runner.hcl`" + ` in the XDG configuration folder, else ` + "`/etc/stagegate/runner.hcl`" + ` |
| ` + "`RUNNER_PLUGIN_PATH`" + ` | further folders with plugins |
| ` + "`RUNNER_VAR_name`" + ` | value of the variable ` + "`name`" + ` |
| ` + "`NO_COLOR`" + ` | when set, nothing is coloured |
`

// each visits the commands that people use, in order.
func each(cmd *cobra.Command, visit func(*cobra.Command)) {
	for _, child := range cmd.Commands() {
		if !child.IsAvailableCommand() {
			continue
		}
		if child.HasAvailableSubCommands() {
			each(child, visit)
			continue
		}
		visit(child)
	}
}

func describe(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n", cmd.CommandPath())
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	fmt.Fprintf(b, "%s\n\n```\n%s\n```\n", about, cmd.UseLine())
	if flags := cmd.LocalNonPersistentFlags(); flags.HasAvailableFlags() {
		fmt.Fprintf(b, "\n```\n%s```\n", flags.FlagUsages())
	}
	if cmd.Example != "" {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
	}
}
