package app

import (
	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/explain"
)

func (a *app) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Explain decisions, make them again, and test rules",
		Args:  knownCommand,
		RunE:  showHelp,
	}
	cmd.AddCommand(a.policyEvalCommand(), a.policyExplainCommand(), a.policyInputCommand(), a.policyTestCommand())
	return cmd
}

// The verdicts of a decision.
const (
	verdictAllow = "allow"
	verdictDeny  = "deny"
)

// verdictCode is what decisions mean for scripts: a denial counts most.
func verdictCode(all ...explain.Explanation) int {
	code := exitDone
	for _, e := range all {
		switch e.Verdict {
		case verdictDeny:
			return exitDenied
		case verdictAllow:
		default:
			code = exitFailed
		}
	}
	return code
}
