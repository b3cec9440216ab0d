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
	Resumed   int            `json:"resumed,omitempty"`
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
	// Attestations are statements about the artifacts, which are stored blobs.
	Attestations []event.Attestation `json:"attestations,omitempty"`
	Plan         *event.Plan         `json:"plan,omitempty"`
	Decisions    []event.Decision    `json:"decisions,omitempty"`
	Approvals    []event.Approval    `json:"approvals,omitempty"`
	Waiting      *event.Wait         `json:"waiting,omitempty"`
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
	run, err := a.kept(ctx, argument)
	if err != nil {
		return err
	}
	err = a.print(format, report(run.state, run.history, run.damage), func() error {
		if torn := run.history.Torn; torn > 0 {
			fmt.Fprintf(a.Stderr, "note: the runner was killed while it wrote the last record; %d bytes that were never reported are left out\n", torn)
		}
		return view.Summary(a.Stdout, run.state, a.color(a.Stdout), now())
	})
	return errors.Join(err, run.untrusted())
}

func report(s *runstate.RunState, h runstate.History, damage error) runReport {
	r := runReport{
		Schema: view.SchemaVersion, ID: s.ID, Status: s.Status, ExitCode: s.ExitCode, Started: s.Started, Ended: s.Ended,
		Run: s.Run, Failure: s.Failure, Stages: []stageReport{}, Resumed: s.Resumed, TornBytes: h.Torn,
	}
	if damage != nil {
		r.Damage = damage.Error()
	}
	for _, stage := range s.Stages {
		r.Stages = append(r.Stages, stageReport{
			Name: stage.Name, Uses: stage.Uses, Status: stage.Status, Reason: stage.Reason,
			Attempts: len(stage.Attempts), Finish: stage.Finish, Artifacts: stage.Artifacts, Attestations: stage.Attestations,
			Plan: stage.Plan, Decisions: stage.Decisions, Approvals: stage.Approvals, Waiting: stage.Wait,
		})
	}
	return r
}
