package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/notify"
	"github.com/stagegate/stagegate/core/notify/delivery"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

// letterEntry is the JSON form of a letter that is not delivered.
type letterEntry struct {
	Run      string          `json:"run"`
	Target   string          `json:"target,omitempty"`
	Mark     string          `json:"mark,omitempty"`
	Event    string          `json:"event"` // the condition, or the state that a commit is marked with
	Progress notify.Progress `json:"progress"`
	Attempts int             `json:"attempts"`
	Next     time.Time       `json:"next,omitzero"` // when it is tried again
	Problem  string          `json:"problem,omitempty"`
	Key      string          `json:"key"`
}

type letterList struct {
	Schema  int           `json:"schema"`
	Letters []letterEntry `json:"letters"`
	// Expected are the runs of which something will be told once they have come to
	// an end, or their runner is found dead.
	Expected []string `json:"expected,omitempty"`
}

// letterTaken is the JSON form of a test message that was taken.
type letterTaken struct {
	Schema int    `json:"schema"`
	Target string `json:"target"`
	Key    string `json:"key"`
}

func (a *app) notifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "notify",
		Short: "Look at and send messages about runs that were not delivered",
		Args:  knownCommand,
		RunE:  showHelp,
	}
	cmd.AddCommand(a.notifyListCommand(), a.notifyFlushCommand(), a.notifyTestCommand())
	return cmd
}

func (a *app) notifyListCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List messages and marks that are not delivered yet, oldest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withPost(cmd.Context(), format, func(*post) {}, nil)
		},
	}
	formatFlag(cmd, &format)
	return cmd
}

func (a *app) notifyFlushCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "flush",
		Short: "Send what is not delivered yet, now",
		Long: "Send what is not delivered yet, now, also what was refused; and tell of runs whose runner has died.\n" +
			"Runners do the first by themselves when they next run. A timer that calls this tells of a dead\n" +
			"runner where none runs any more. Exit code 1 when something is still not delivered.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withPost(cmd.Context(), format, func(p *post) {
				p.sweep(cmd.Context(), delivery.Round{Again: true, Once: true})
			}, errors.New("some messages could not be delivered"))
		},
	}
	formatFlag(cmd, &format)
	return cmd
}

// withPost does something and prints what is not delivered then; with an error for
// that when there is something.
func (a *app) withPost(ctx context.Context, format string, do func(*post), otherwise error) error {
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
	p := a.post(ctx, s, store)
	defer p.cancel()
	do(p)
	p.say()
	answer, err := p.list(ctx)
	if err != nil {
		return err
	}
	err = a.print(format, answer, func() error { return answer.text(a.Stdout) })
	if err == nil && len(answer.Letters) > 0 {
		return otherwise
	}
	return err
}

// list is what is not delivered.
func (p *post) list(ctx context.Context) (letterList, error) {
	answer := letterList{Schema: view.SchemaVersion, Letters: []letterEntry{}}
	ids, err := p.store.Outbox().Expected(ctx)
	if err != nil {
		return answer, err
	}
	for _, id := range ids {
		kept, err := p.store.Outbox().Peek(ctx, id)
		if errors.Is(err, runstate.ErrNotFound) {
			continue
		}
		if err != nil {
			return answer, err
		}
		left := undelivered(delivery.Read(kept), now())
		if len(left) == 0 {
			answer.Expected = append(answer.Expected, id)
		}
		for _, l := range left {
			answer.Letters = append(answer.Letters, letterEntry{
				Run: id, Target: l.Target, Mark: l.Mark, Event: about(l), Progress: l.Progress, Attempts: l.Attempts,
				Next: l.Next, Problem: l.Problem, Key: l.Key,
			})
		}
	}
	return answer, nil
}

func about(l *notify.Letter) string {
	if l.Message != nil {
		return string(l.Message.Event)
	}
	return string(l.Status.State)
}

func (l letterList) text(w io.Writer) error {
	if len(l.Letters) == 0 && len(l.Expected) == 0 {
		_, err := fmt.Fprintln(w, "Everything is delivered.")
		return err
	}
	if len(l.Expected) > 0 {
		fmt.Fprintf(w, "To be told of at their end: %s\n", strings.Join(l.Expected, ", "))
	}
	if len(l.Letters) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RUN\tTO\tABOUT\tATTEMPTS\tNEXT\tPROBLEM")
	for _, e := range l.Letters {
		next := string(e.Progress)
		if e.Progress == notify.ToSend {
			next = "with the next runner"
			if !e.Next.IsZero() {
				next = "after " + when(e.Next)
			}
		}
		to := e.Target
		if e.Mark != "" {
			to = "mark " + e.Mark
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\n", e.Run, view.Printable(to), e.Event, e.Attempts, next, view.Printable(e.Problem))
	}
	return t.Flush()
}

func (a *app) notifyTestCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "test TARGET",
		Short: "Send a message to a target of the operator's configuration, to see whether it arrives",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.notifyTest(cmd.Context(), args[0], format)
		},
	}
	formatFlag(cmd, &format)
	return cmd
}

func (a *app) notifyTest(ctx context.Context, name, format string) error {
	if err := checkFormat(format); err != nil {
		return err
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	if s.operator.Target(name) == nil {
		var names []string
		for _, t := range s.operator.Targets {
			names = append(names, t.Name)
		}
		slices.Sort(names)
		return usage(fmt.Errorf("the operator's configuration has no target %q. %s", name, spelling.Hint(name, names, "targets")))
	}
	p := a.post(ctx, s, nil)
	defer p.cancel()
	at := now().UTC()
	state := &runstate.RunState{
		ID: runstate.NewID(at), Status: event.Succeeded, Started: at, Ended: at, Run: event.Run{Pipeline: "A test of the runner", Actor: actor()},
	}
	letters := (&notify.Occasion{
		State: state, Rules: []notify.Rule{{Name: "test", Target: name, On: []pipeline.Condition{pipeline.RunAlways}}}, Now: at, Link: s.operator.RunURL,
	}).Letters()
	for _, l := range letters {
		if err := p.courier.Send(ctx, l); err != nil {
			return fmt.Errorf("target %s: %s", name, p.clean(err.Error()))
		}
	}
	answer := letterTaken{view.SchemaVersion, name, letters[0].Key}
	return a.print(format, answer, func() error {
		_, err := fmt.Fprintf(a.Stdout, "Target %s has taken a message, with the key %s.\n", name, answer.Key)
		return err
	})
}
