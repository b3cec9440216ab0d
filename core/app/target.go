package app

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// targetFlag adds --target to a command.
func targetFlag(cmd *cobra.Command, targets *[]string) {
	cmd.Flags().StringArrayVar(targets, "target", nil,
		"run this `stage` and what it needs, and nothing else: a stage, a block with for_each, or a module (repeatable)")
}

// narrow leaves of a pipeline what is wanted of it. Everything has been checked
// before: a mistake elsewhere is one all the same.
func (l *loaded) narrow(targets []string) {
	if len(targets) == 0 || l.diags.HasErrors() {
		return
	}
	whole := l.Pipeline
	part, unknown := whole.Only(targets)
	for _, target := range unknown {
		l.diags.Append(nil, fmt.Sprintf("Unknown target %q", clip(target)), spelling.Hint(target, whole.Targets(), "targets"))
	}
	l.Pipeline, l.targets, l.whole = part, targets, len(whole.Stages)
}

// clip bounds a text of the command line in a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// history tells the engine of earlier runs.
type history struct{ earlier *runstate.Earlier }

// Last is the run to compare with.
func (h history) Last(ctx context.Context, of event.Run, stages []string) (*engine.LastRun, error) {
	run, err := h.earlier.Last(ctx, of, stages)
	if run == nil || err != nil {
		return nil, err
	}
	last := &engine.LastRun{ID: run.ID, Outcomes: make(map[string]event.Status, len(stages))}
	for _, name := range stages {
		last.Outcomes[name] = run.Stage(name).Outcome()
	}
	return last, nil
}
