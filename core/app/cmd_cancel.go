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

// answerLimit is how long a run may take to take a request up. Its runner looks
// several times a second; one that has just started may be laying out its tree.
const answerLimit = 30 * time.Second

var errNoAnswer = fmt.Errorf("its runner has not answered within %s", answerLimit)

// cancelFlags are the flags of `runner cancel`.
type cancelFlags struct {
	afterCurrent, now bool
	reason            string
	wait              time.Duration
	format            string
}

// mode is what the flags mean.
func (f cancelFlags) mode() event.StopMode {
	switch {
	case f.now:
		return event.StopNow
	case f.afterCurrent:
		return event.StopAfterCurrent
	default:
		return event.StopCleanup
	}
}

// cancelReport is the JSON form of the answer.
type cancelReport struct {
	Schema int            `json:"schema"`
	ID     string         `json:"id"`
	Mode   event.StopMode `json:"mode"`
	Status event.Status   `json:"status"`
	// Ended is when it ended; left out while it has not.
	Ended    time.Time `json:"ended,omitzero"`
	ExitCode int       `json:"exit_code"`
}

func (a *app) cancelCommand() *cobra.Command {
	var flags cancelFlags
	cmd := &cobra.Command{
		Use:   "cancel RUN",
		Short: "Stop a run that is on its way",
		Long: "Stop a run that is on its way, whoever has started it. RUN is an id, the beginning of one, or latest.\n\n" +
			"What runs is asked to end, and stages with run = \"always\" clean up, as after Ctrl-C. With --after-current,\n" +
			"what runs may end first, and nothing else starts; with --now, everything ends, the cleanup too. Each can\n" +
			"follow a milder one. The command returns when the run's runner has taken the request up.",
		Example: "  runner cancel latest\n  runner cancel 20261123-154210-k3x9 --after-current --reason \"the data set is wrong\" --wait 10m",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.cancel(cmd.Context(), args[0], flags)
		},
	}
	cmd.Flags().BoolVar(&flags.afterCurrent, "after-current", false, "let end what runs, start nothing else, and clean up")
	cmd.Flags().BoolVar(&flags.now, "now", false, "end everything at once, cleanup too")
	cmd.Flags().StringVar(&flags.reason, "reason", "", "why, for the record")
	cmd.Flags().DurationVar(&flags.wait, "wait", 0, "then wait so long for the end of the run, for example 10m")
	formatFlag(cmd, &flags.format)
	return cmd
}

// check refuses flags that make no sense.
func (f cancelFlags) check() error {
	const maxReason = 1000
	switch {
	case f.now && f.afterCurrent:
		return usage(errors.New("--after-current and --now exclude each other: use one of them"))
	case f.wait < 0:
		return usage(fmt.Errorf("--wait is %s: use a length of time such as 10m", f.wait))
	case len(f.reason) > maxReason:
		return usage(fmt.Errorf("--reason has %d bytes; it may have %d", len(f.reason), maxReason))
	default:
		return checkFormat(f.format)
	}
}

func (a *app) cancel(ctx context.Context, argument string, flags cancelFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	run, err := a.kept(ctx, argument)
	if err != nil {
		return err
	}
	id := run.state.ID
	if !run.history.Live {
		return usage(notLive(run.state))
	}
	bounded, cancel := context.WithTimeoutCause(ctx, answerLimit, errNoAnswer)
	defer cancel()
	err = run.store.Stop(bounded, id, runstate.StopRequest{Mode: flags.mode(), By: actor(), Reason: flags.reason, At: now().UTC()})
	switch {
	case errors.Is(err, runstate.ErrNotRunning): // it has just ended; what it came to is said below
	case errors.Is(err, errNoAnswer):
		return fmt.Errorf("%w; look at it with runner show %s, and if it hangs, kill its process: runner resume can go on with it then", err, id)
	case err != nil:
		return err
	}
	state, err := a.awaitEnd(ctx, run.store, id, flags.wait)
	if err != nil {
		return err
	}
	answer := cancelReport{Schema: view.SchemaVersion, ID: id, Mode: flags.mode(), Status: state.Status}
	if state.Status != runstate.Running && state.Status != runstate.Pending {
		answer.Ended, answer.ExitCode = state.Ended, state.ExitCode
	}
	return a.print(flags.format, answer, func() error {
		_, err := fmt.Fprintln(a.Stdout, answer.text())
		return err
	})
}

// text is the answer for people.
func (r cancelReport) text() string {
	switch {
	case !r.Ended.IsZero():
		return fmt.Sprintf("Run %s has ended: %s.", r.ID, r.Status)
	case r.Mode == event.StopNow:
		return fmt.Sprintf("Run %s is stopping at once.", r.ID)
	case r.Mode == event.StopAfterCurrent:
		return fmt.Sprintf("Run %s lets end what runs, and then cleans up. Stop that as well with: runner cancel %s", r.ID, r.ID)
	default:
		return fmt.Sprintf("Run %s is stopping, and cleans up. End that as well with: runner cancel --now %s", r.ID, r.ID)
	}
}

// endPause is how often a run is looked at whose end is waited for.
const endPause = 100 * time.Millisecond

// awaitEnd waits for the end of a run, at most so long. It is an error when it
// does not come.
func (a *app) awaitEnd(ctx context.Context, store runstate.Store, id string, limit time.Duration) (*runstate.RunState, error) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	ticker := time.NewTicker(endPause)
	defer ticker.Stop()
	for {
		history, err := store.Read(ctx, id)
		if _, damaged := errors.AsType[*runstate.CorruptError](err); err != nil && !damaged {
			return nil, fmt.Errorf("read run %s: %w", id, err)
		}
		if state := runstate.Replay(history); !history.Live || limit == 0 {
			return state, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-deadline.C:
			return nil, fmt.Errorf("run %s was asked to stop, and has not ended within %s; look at it with runner show %s, or end it with runner cancel --now %s", id, limit, id, id)
		case <-ticker.C:
		}
	}
}

// notLive says why a run cannot be stopped that nobody works on.
func notLive(s *runstate.RunState) error {
	switch s.Status {
	case runstate.Interrupted, runstate.Pending, runstate.Running:
		return fmt.Errorf("nobody works on run %s: its runner died; go on with it with runner resume %s, or leave it", s.ID, s.ID)
	case event.Waiting:
		return fmt.Errorf("nobody works on run %s: it waits for approvals, and goes on only when somebody resumes it; "+
			"that it never deploys is said with runner reject %s", s.ID, s.ID)
	default:
		return fmt.Errorf("run %s ended at %s: %s; there is nothing to cancel", s.ID, s.Ended.Local().Format("2006-01-02 15:04:05"), s.Status)
	}
}
