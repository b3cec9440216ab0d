package app

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) completionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print what makes a shell complete commands",
		Long: "Print the script that makes a shell complete the runner's commands, flags, runs, stages, variables and\n" +
			"components. SHELL is bash, zsh or fish. Put it where your shell looks for completions:\n\n" +
			"  bash  runner completion bash >~/.local/share/bash-completion/completions/runner\n" +
			"  zsh   runner completion zsh >\"${fpath[1]}/_runner\"\n" +
			"  fish  runner completion fish >~/.config/fish/completions/runner.fish",
		Example:   "  source <(runner completion bash)",
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args:      cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return cmd.Root().GenBashCompletionV2(a.Stdout, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(a.Stdout)
			case "fish":
				return cmd.Root().GenFishCompletion(a.Stdout, true)
			default:
				return usage(fmt.Errorf("unknown shell %q: use bash, zsh or fish", args[0]))
			}
		},
	}
	return cmd
}
