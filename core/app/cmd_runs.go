package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

// runEntry is the JSON form of one run in a list.
type runEntry struct {
	ID       string       `json:"id"`
	Pipeline string       `json:"pipeline"`
	Status   event.Status `json:"status"`
	Started  time.Time    `json:"started,omitzero"`
	Seconds  float64      `json:"duration_seconds"`
	Commit   string       `json:"commit,omitempty"`
	Ref      string       `json:"ref,omitempty"`
	Trigger  string       `json:"trigger,omitempty"`
	// Resumed says how often it was gone on with.
	Resumed int `json:"resumed,omitempty"`
	// Restarted says from which run it has taken results over.
	Restarted *event.Restart `json:"restarted,omitempty"`
	// Damage says why the run's journal cannot be trusted, if it cannot.
	Damage string `json:"damage,omitempty"`
}

type runList struct {
	Schema int        `json:"schema"`
	Runs   []runEntry `json:"runs"`
}

func (a *app) runsCommand() *cobra.Command {
	var format string
	var limit int
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List runs, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runs(cmd.Context(), limit, format)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many runs to list; 0 means all")
	formatFlag(cmd, &format)
	return cmd
}

func (a *app) runs(ctx context.Context, limit int, format string) error {
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
	ids, err := store.List(ctx)
	if err != nil {
		return err
	}
	if limit > 0 && len(ids) > limit {
		ids = ids[:limit]
	}
	answer := runList{Schema: view.SchemaVersion, Runs: []runEntry{}}
	for _, id := range ids {
		answer.Runs = append(answer.Runs, entry(ctx, store, id))
	}
	return a.print(format, answer, func() error { return answer.text(a.Stdout) })
}

func entry(ctx context.Context, store *runstate.FileStore, id string) runEntry {
	history, err := store.Read(ctx, id)
	state := runstate.Replay(history)
	e := runEntry{
		ID: id, Pipeline: state.Run.Pipeline, Status: state.Status, Started: state.Started,
		Seconds: state.Duration(now()).Seconds(), Commit: state.Run.Commit, Ref: state.Run.Ref, Trigger: state.Run.Trigger,
		Resumed: state.Resumed, Restarted: state.Run.Restarted,
	}
	if err != nil {
		e.Damage = err.Error()
	}
	return e
}

func (l runList) text(w io.Writer) error {
	if len(l.Runs) == 0 {
		_, err := fmt.Fprintln(w, "No runs yet. Start one with: runner run PATH")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RUN\tPIPELINE\tSTATUS\tSTARTED\tTIME\tCOMMIT")
	for _, r := range l.Runs {
		status, started := string(r.Status), "-"
		switch {
		case r.Restarted != nil && r.Resumed > 0:
			status += " (restarted, resumed)"
		case r.Restarted != nil:
			status += " (restarted)"
		case r.Resumed > 0:
			status += " (resumed)"
		}
		if r.Damage != "" {
			status += " (damaged journal)"
		}
		if !r.Started.IsZero() {
			started = r.Started.Local().Format("2006-01-02 15:04:05")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%.12s\n", r.ID, view.Printable(cmp.Or(r.Pipeline, "-")), status, started,
			view.Duration(time.Duration(r.Seconds*float64(time.Second))), r.Commit)
	}
	return t.Flush()
}

// find is the id of the run that the argument means: the whole id, the
// beginning of exactly one, or "latest".
func find(ctx context.Context, store *runstate.FileStore, argument string) (string, error) {
	ids, err := store.List(ctx)
	if err != nil {
		return "", err
	}
	if argument == "latest" {
		if len(ids) == 0 {
			return "", usage(errors.New("there are no runs yet"))
		}
		return ids[0], nil
	}
	var matches []string
	for _, id := range ids {
		if id == argument {
			return id, nil
		}
		if len(argument) > 0 && len(id) > len(argument) && id[:len(argument)] == argument {
			matches = append(matches, id)
		}
	}
	switch len(matches) {
	case 1:
		return matches[0], nil
	case 0:
		return "", usage(fmt.Errorf("there is no run %q; list them with: runner runs", argument))
	default:
		return "", usage(fmt.Errorf("%q is the beginning of %d runs; write more of it", argument, len(matches)))
	}
}
