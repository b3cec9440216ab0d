package runstatetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// entering is a stage that wants to be in a group.
type entering struct {
	waits chan event.Wait // what it was told
	runs  chan []string
	in    chan func() error // its leave, once it is in
	err   chan error
}

// enter starts to wait and returns when the stage is in or has been told what
// it waits for.
func enter(ctx context.Context, t *testing.T, r runstate.Run, group, stage string) *entering {
	t.Helper()
	const updates = 64
	e := &entering{
		waits: make(chan event.Wait, updates), runs: make(chan []string, updates),
		in: make(chan func() error, 1), err: make(chan error, 1),
	}
	settled := make(chan struct{}, updates)
	go func() {
		leave, err := r.Enter(ctx, group, stage, func(w event.Wait, runs []string) {
			e.waits <- w
			e.runs <- runs
			settled <- struct{}{}
		})
		if err != nil {
			e.err <- err
		} else {
			e.in <- leave
		}
		settled <- struct{}{}
	}()
	<-settled
	return e
}

// leaves waits until the stage is in, and leaves.
func (e *entering) leaves(t *testing.T) {
	t.Helper()
	select {
	case leave := <-e.in:
		if err := leave(); err != nil {
			t.Fatal(err)
		}
	case err := <-e.err:
		t.Fatal(err)
	}
}

func (e *entering) isOut(t *testing.T) {
	t.Helper()
	if len(e.in) > 0 {
		t.Fatal("it is in a group that another one holds")
	}
}

func groupInOrder(t *testing.T, open func() runstate.Store) {
	const contenders = 5
	var all []*entering
	var ids []string
	for i := range contenders {
		r := create(t, open())
		ids = append(ids, r.ID())
		all = append(all, enter(t.Context(), t, r, "deploy/prod", fmt.Sprintf("serve%d", i)))
	}
	for i, e := range all {
		for _, later := range all[i+1:] {
			later.isOut(t)
		}
		if i > 0 {
			first, runs := <-e.waits, <-e.runs
			if first.Group != "deploy/prod" || first.Before != i-1 || first.Holder.Run != ids[0] || first.Holder.Stage != "serve0" || first.Holder.Since.IsZero() {
				t.Errorf("contender %d waits for %+v held by %+v", i, first, first.Holder)
			}
			if diff := cmp.Diff(ids[:i], runs); diff != "" {
				t.Errorf("runs before contender %d (-want +got):\n%s", i, diff)
			}
		}
		e.leaves(t)
	}
}

func groupOfOneRun(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	first := enter(t.Context(), t, r, "g", "a")
	second := enter(t.Context(), t, r, "g", "b")
	second.isOut(t)
	if w := <-second.waits; w.Holder.Run != r.ID() || w.Holder.Stage != "a" {
		t.Errorf("it waits for %+v", w.Holder)
	}
	first.leaves(t)
	second.leaves(t)
}

func groupGivenUp(t *testing.T, open func() runstate.Store) {
	holder, tired, last := create(t, open()), create(t, open()), create(t, open())
	first := enter(t.Context(), t, holder, "g", "a")
	ctx, cancel := context.WithCancelCause(t.Context())
	second := enter(ctx, t, tired, "g", "b")
	third := enter(t.Context(), t, last, "g", "c")
	why := errors.New("enough")
	cancel(why)
	if err := <-second.err; !errors.Is(err, why) {
		t.Errorf("whoever was cancelled got %v", err)
	}
	third.isOut(t)
	first.leaves(t)
	third.leaves(t)
}

func groupOfDeadRun(t *testing.T, open func() runstate.Store) {
	dead, waiting := create(t, open()), create(t, open())
	if leave := enter(t.Context(), t, dead, "g", "a"); len(leave.in) != 1 {
		t.Fatal("it is not in")
	}
	second := enter(t.Context(), t, waiting, "g", "b")
	second.isOut(t)
	closeRun(t, dead) // and never leaves
	second.leaves(t)

	// Nor does it when it is written again: its stages have to come again.
	third := enter(t.Context(), t, waiting, "g", "c")
	again, err := open().Open(t.Context(), dead.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer closeRun(t, again)
	fourth := enter(t.Context(), t, again, "g", "a")
	fourth.isOut(t)
	third.leaves(t)
	fourth.leaves(t)
}

func groupNames(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	names := []string{"a", "A", "a/b", "a%2fb", "../../runs", "..", "/etc/passwd", "ünïcode", "a\x00b", strings.Repeat("x", 200)}
	var all []*entering
	for _, name := range names {
		e := enter(t.Context(), t, r, name, "s")
		if len(e.in) != 1 {
			t.Errorf("group %q is held by another one", name)
		}
		all = append(all, e)
	}
	for _, e := range all {
		e.leaves(t)
	}
	for _, name := range []string{"", strings.Repeat("x", 5000)} {
		if e := enter(t.Context(), t, r, name, "s"); len(e.err) != 1 {
			t.Errorf("%.20q is a group", name)
		}
	}
	if ids, err := open().List(t.Context()); err != nil || !slices.Equal(ids, []string{r.ID()}) {
		t.Errorf("runs = %v, %v", ids, err)
	}
}
