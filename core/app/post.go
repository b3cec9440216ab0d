package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/notify"
	"github.com/stagegate/stagegate/core/notify/delivery"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/secret"
	"github.com/stagegate/stagegate/core/trigger"
	"github.com/stagegate/stagegate/core/view"
)

// postGrace bounds how long the end of a run waits for letters. What is not
// delivered by then is left to the next runner.
const postGrace = 15 * time.Second

// post tells people and forges how runs stand. It never holds a run up and never
// fails one: what goes wrong is a warning. What it has to tell is on disk before
// the run begins, and so it is told even if this process is killed.
type post struct {
	a       *app
	session *session
	store   *runstate.FileStore
	courier *delivery.Courier

	run     string // this process's own, of which something may have to be told
	known   event.Run
	news    chan struct{}
	ended   chan struct{}
	working sync.WaitGroup
	ctx     context.Context //nolint:containedctx // of the deliveries beside the run
	cancel  context.CancelFunc

	clean func(string) string // takes the runner's own secrets out

	mu       sync.Mutex
	warnings []string
	overdue  int // letters of other runs that could not be delivered
}

// post makes one.
func (a *app) post(ctx context.Context, s *session, store *runstate.FileStore) *post {
	masks := redact.New()
	secrets := secret.NewResolver(secret.Options{Sources: s.operator.OwnSecrets, LookupEnv: a.lookupEnv, Masks: masks})
	p := &post{
		a: a, session: s, store: store, clean: masks.Text, news: make(chan struct{}, 1), ended: make(chan struct{}),
		courier: delivery.New(delivery.Options{
			Targets: s.operator.Targets, Marks: s.operator.Marks, Clean: masks.Text, Now: now, Note: trigger.AddNote,
			Secret: func(ctx context.Context, name string) (string, error) {
				value, err := secrets.Resolve(ctx, name)
				return string(value), err
			},
		}),
	}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return p
}

// expectation is what the outbox keeps of a run of which something may have to
// be told.
type expectation struct {
	Schema int       `json:"schema"`
	At     time.Time `json:"at"` // each is another one
	// Rules are the pipeline's own, checked.
	Rules []notify.Rule `json:"rules,omitempty"`
	// Run is what is known of a run that has recorded nothing yet.
	Run event.Run `json:"run"`
}

// expect has the run told of, whatever becomes of it from here on.
func (p *post) expect(ctx context.Context, id string, run event.Run, rules []notify.Rule) {
	p.known = run
	o := p.session.operator
	if len(o.Notify) == 0 && len(o.Marks) == 0 && len(rules) == 0 {
		return
	}
	data, err := json.Marshal(expectation{Schema: notify.Schema, At: now().UTC(), Rules: rules, Run: run})
	if err == nil {
		err = p.store.Outbox().Expect(context.WithoutCancel(ctx), id, data)
	}
	if err != nil {
		p.warn(fmt.Sprintf("nobody will be told of run %s: %v", id, err))
		return
	}
	p.run = id
}

// learn notes what the files of a pushed commit say, also where they are wrong:
// the pipeline's team is told of that.
func (p *post) learn(ctx context.Context, id string, l *loaded) {
	if p.known.Trigger == "" {
		return // nothing is expected before it begins
	}
	p.known.Pipeline = l.source.Name
	p.expect(ctx, id, p.known, l.rules)
}

// begin delivers beside the run: what others have left, and what becomes of this
// one.
func (p *post) begin() {
	p.working.Go(func() { p.sweep(p.ctx, delivery.Round{Once: true}) })
	if p.run == "" {
		return // nobody has to be told of it
	}
	p.working.Go(func() {
		for {
			select {
			case <-p.news:
				_, err := p.tell(p.ctx, p.run, delivery.Round{Once: true})
				p.warnOf(err)
			case <-p.ended:
				return
			}
		}
	})
}

// finish tells of the end of the run, and returns once all is delivered or
// patience is at its end. A second signal ends patience.
func (p *post) finish(ctx context.Context) {
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), postGrace)
	defer cancel()
	defer context.AfterFunc(p.a.interrupts.abort, cancel)() //nolint:contextcheck // a second signal, whatever becomes of ctx
	defer context.AfterFunc(deadline, p.cancel)()
	defer p.cancel()
	close(p.ended)
	if p.run != "" {
		own, err := p.tell(deadline, p.run, delivery.Round{})
		for i := 0; errors.Is(err, runstate.ErrRunning) && i < maxTurns && deadline.Err() == nil; i++ {
			p.pause(deadline) // another process has the letters, for the time that it takes to try them
			own, err = p.tell(deadline, p.run, delivery.Round{})
		}
		p.warnOf(err)
		for _, l := range own {
			p.warn(fmt.Sprintf("run %s: %s was not told: %s", p.run, l.Where(), whyNot(l)))
		}
		if len(own) > 0 {
			p.warn("the next runner tries again, or, now: runner notify flush")
		}
	}
	p.working.Wait()
	if p.overdue > 0 {
		p.warn(fmt.Sprintf("%d messages about other runs could not be delivered: runner notify list", p.overdue))
	}
	p.say()
}

// maxTurns bounds how often somebody else's turn is waited for.
const maxTurns = 1000

func (p *post) pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Millisecond):
	}
}

// whyNot says why a letter was not delivered.
func whyNot(l *notify.Letter) string {
	if l.Problem == "" {
		return "there was no time to"
	}
	return l.Problem
}

// sweep delivers what was left behind, by a process that has ended or was
// killed, and tells of runs whose runner is dead.
func (p *post) sweep(ctx context.Context, round delivery.Round) {
	ids, err := p.store.Outbox().Expected(ctx)
	p.warnOf(err)
	for _, id := range ids {
		if id == p.run || ctx.Err() != nil {
			continue
		}
		left, err := p.tell(ctx, id, round)
		if errors.Is(err, runstate.ErrRunning) || errors.Is(err, runstate.ErrNotFound) {
			continue // another process tells of it, or it is told
		}
		p.warnOf(err)
		p.mu.Lock()
		p.overdue += len(left)
		p.mu.Unlock()
	}
}

// watch hears of what has to be told at once.
func (p *post) watch(v view.View) view.View { return &watched{v, p} }

type watched struct {
	view.View
	post *post
}

// Show hands on, and wakes the post.
func (w *watched) Show(e event.Event) {
	w.View.Show(e)
	if e.Type == event.RunStarted || e.Type == event.RunResumed || e.Type == event.StageWaiting && e.Waiting != nil && e.Waiting.Approval != nil {
		select {
		case w.post.news <- struct{}{}:
		default: // it is awake already, and will look again
		}
	}
}

// warn keeps a warning for the end: what is shown of the run is not disturbed.
func (p *post) warn(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warnings = append(p.warnings, text)
}

// say prints the warnings.
func (p *post) say() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range slices.Compact(p.warnings) {
		fmt.Fprintf(p.a.Stderr, "%s %s\n", p.a.palette("33", "warning:"), view.Printable(p.clean(text)))
	}
	p.warnings = nil
}

func (p *post) warnOf(err error) {
	if err != nil && p.ctx.Err() == nil {
		p.warn("notifications: " + err.Error())
	}
}

// undelivered are the letters that somebody has to look at.
func undelivered(letters []*notify.Letter, at time.Time) []*notify.Letter {
	return slices.DeleteFunc(slices.Clone(letters), func(l *notify.Letter) bool {
		return !l.Open() && (l.Progress != notify.Refused || l.Stale(at))
	})
}
