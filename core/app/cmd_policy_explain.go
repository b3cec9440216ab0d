package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/explain"
	"github.com/stagegate/stagegate/core/view"
)

// decisionList is the JSON form of the decisions of a run.
type decisionList struct {
	Schema    int                   `json:"schema"`
	Run       string                `json:"run"`
	Decisions []explain.Explanation `json:"decisions"`
}

func (a *app) policyExplainCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "explain RUN [STAGE]",
		Short: "Explain why policy allowed or denied what a run would apply",
		Long: "Say which rule found what, on which facts, as they were known and from where, which line of the pipeline is\n" +
			"about it, and what to do; and what was waived, warned of and passed. RUN is an id, the beginning of one, or\n" +
			"latest. STAGE is a deployer stage, or a policy stage; without it, all last decisions are explained.\n\n" +
			"The exit code is 0 when all of them allow, 4 when one denies, and 3 when one could not be made.",
		Example: "  runner policy explain latest\n  runner policy explain latest serve --format json | jq '.decisions[].violations[].rule'",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.policyExplain(cmd.Context(), args[0], second(args), format)
		},
	}
	formatFlag(cmd, &format)
	return cmd
}

func (a *app) policyExplain(ctx context.Context, argument, stage, format string) error {
	if err := checkFormat(format); err != nil {
		return err
	}
	run, err := a.kept(ctx, argument)
	if err != nil {
		return err
	}
	answer, err := a.explained(ctx, run, stage)
	if err != nil {
		return errors.Join(err, run.untrusted())
	}
	err = a.print(format, answer, func() error {
		for i := range answer.Decisions {
			if i > 0 {
				fmt.Fprintln(a.Stdout)
			}
			if err := a.showExplanation(&answer.Decisions[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err = errors.Join(err, run.untrusted()); err != nil {
		return err
	}
	if code := verdictCode(answer.Decisions...); code != exitDone {
		return errShown(code)
	}
	return nil
}

// explained are the decisions of a run with all that was kept of them.
func (a *app) explained(ctx context.Context, run *keptRun, stage string) (*decisionList, error) {
	all, err := run.decisions(stage)
	if err != nil {
		return nil, err
	}
	written, err := a.written(ctx, run)
	if err != nil {
		return nil, err
	}
	answer := &decisionList{Schema: view.SchemaVersion, Run: run.state.ID}
	for _, d := range all {
		input, err := run.judged(d)
		if err != nil {
			return nil, err
		}
		e, err := explain.Explain(d.Decision, input, written)
		if err != nil {
			return nil, fmt.Errorf("explain the decision about %s: %w", d.about(), err)
		}
		e.At = d.at
		answer.Decisions = append(answer.Decisions, *e)
	}
	return answer, nil
}

func (a *app) showExplanation(e *explain.Explanation) error {
	width, _ := terminal(a.Stdout)
	return view.Explanation(a.Stdout, e, width, a.color(a.Stdout))
}
