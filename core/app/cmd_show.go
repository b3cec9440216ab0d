package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

// runReport is the JSON form of a run.
type runReport struct {
	Schema    int            `json:"schema"`
	ID        string         `json:"id"`
	Status    event.Status   `json:"status"`
	ExitCode  int            `json:"exit_code"`
	Started   time.Time      `json:"started,omitzero"`
	Ended     time.Time      `json:"ended,omitzero"`
	Run       event.Run      `json:"run"`
	Failure   *event.Failure `json:"failure,omitempty"`
	Stages    []stageReport  `json:"stages"`
	TornBytes int64          `json:"torn_bytes,omitempty"`
	Damage    string         `json:"damage,omitempty"`
}

type stageReport struct {
	Name      string           `json:"name"`
	Uses      string           `json:"uses"`
	Status    event.Status     `json:"status"`
	Reason    string           `json:"reason,omitempty"`
	Attempts  int              `json:"attempts"`
	Finish    *event.Finish    `json:"finish,omitempty"`
	Artifacts []event.Artifact `json:"artifacts,omitempty"`
	Plan      *event.Plan      `json:"plan,omitempty"`
	Decisions []event.Decision `json:"decisions,omitempty"`
}

func (a *app) showCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show what a run came to",
		Long:  "Show what the journal of a run says. RUN is an id, the beginning of one, or latest.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.showRun(cmd.Context(), args[0], format)
		},
	}
	formatFlag(cmd, &format)
	return cmd
}

func (a *app) showRun(ctx context.Context, argument, format string) error {
	if err := checkFormat(format); err != nil {
		return err
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	id, err := find(ctx, store, argument)
	if err != nil {
		return err
	}
	history, readErr := store.Read(ctx, id)
	if _, damaged := errors.AsType[*runstate.CorruptError](readErr); readErr != nil && !damaged {
		return fmt.Errorf("read run %s: %w", id, readErr)
	}
	state := runstate.Replay(history)
	state.ID = id
	err = a.print(format, report(state, history, readErr), func() error {
		if history.Torn > 0 {
			fmt.Fprintf(a.Stderr, "note: the runner was killed while it wrote the last record; %d bytes that were never reported are left out\n", history.Torn)
		}
		return view.Summary(a.Stdout, state, a.color(a.Stdout), now())
	})
	if err == nil && readErr != nil {
		return fmt.Errorf("the journal of run %s cannot be trusted: %w", id, readErr)
	}
	return err
}

func report(s *runstate.RunState, h runstate.History, damage error) runReport {
	r := runReport{
		Schema: view.SchemaVersion, ID: s.ID, Status: s.Status, ExitCode: s.ExitCode, Started: s.Started, Ended: s.Ended,
		Run: s.Run, Failure: s.Failure, Stages: []stageReport{}, TornBytes: h.Torn,
	}
	if damage != nil {
		r.Damage = damage.Error()
	}
	for _, stage := range s.Stages {
		r.Stages = append(r.Stages, stageReport{
			Name: stage.Name, Uses: stage.Uses, Status: stage.Status, Reason: stage.Reason,
			Attempts: len(stage.Attempts), Finish: stage.Finish, Artifacts: stage.Artifacts,
			Plan: stage.Plan, Decisions: stage.Decisions,
		})
	}
	return r
}
