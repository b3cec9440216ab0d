package app

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/notify"
	"github.com/stagegate/stagegate/core/notify/delivery"
	"github.com/stagegate/stagegate/core/runstate"
)

// tell writes the letters about a run as its journal has it, and delivers them.
// It gives those that are not delivered. Once the run has ended and all are, no
// more is expected.
func (p *post) tell(ctx context.Context, run string, round delivery.Round) (left []*notify.Letter, err error) {
	keep := context.WithoutCancel(ctx)
	letters, err := p.store.Outbox().Open(keep, run)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, letters.Close()) }()
	history, err := p.store.Read(keep, run)
	if _, damaged := errors.AsType[*runstate.CorruptError](err); err != nil && !damaged {
		return nil, err
	}
	var note expectation
	if err := json.Unmarshal(letters.Note(), &note); err != nil {
		return nil, errors.Join(err, letters.Settle(keep)) // nobody can make anything of it
	}
	state := runstate.Replay(history)
	if state.ID == "" {
		state.ID, state.Run, state.Started, state.Ended = run, note.Run, note.At, note.At
	}
	if state.Run.Pipeline == "" {
		state.Run.Pipeline = note.Run.Pipeline // its files were read, and found wrong
	}
	if state.Status == runstate.Pending && run == p.run {
		return nil, letters.Settle(keep) // it never began, and whoever has tried was told why
	}
	if err := delivery.Add(letters, p.about(keep, history, state, note.Rules)); err != nil {
		return nil, err
	}
	all, err := p.courier.Deliver(ctx, letters, round)
	if err != nil {
		return nil, err
	}
	left = undelivered(all, now())
	if len(left) == 0 && state.Status != runstate.Running && state.Status != runstate.Pending {
		return nil, letters.Settle(keep)
	}
	return left, nil
}

// about are the letters that there should be.
func (p *post) about(ctx context.Context, history runstate.History, state *runstate.RunState, own []notify.Rule) []*notify.Letter {
	o := p.session.operator
	occasion := notify.Occasion{
		State: state, Rules: slices.Concat(o.Notify, own), Marks: o.Marks, Link: o.RunURL, Now: now().UTC(),
	}
	if len(occasion.Rules) > 0 {
		var err error
		occasion.Last, err = p.last(ctx, history, state)
		p.warnOf(err)
	}
	return occasion.Letters()
}

// last is what the run is compared with: its own end before it was gone on with,
// else that of the run before.
func (p *post) last(ctx context.Context, history runstate.History, state *runstate.RunState) (*notify.Previous, error) {
	for i := len(history.Events) - 1; i >= 0; i-- {
		if history.Events[i].Type != event.RunResumed {
			continue
		}
		before := runstate.Replay(runstate.History{Events: history.Events[:i]})
		if runstate.CameToAnEnd(before.Status) {
			return &notify.Previous{Run: state.ID, Status: before.Status}, nil
		}
	}
	found, err := runstate.NewEarlier(p.store, state.ID).Last(ctx, state.Run, nil)
	if found == nil || err != nil {
		return nil, err
	}
	return &notify.Previous{Run: found.ID, Status: found.Status}, nil
}
