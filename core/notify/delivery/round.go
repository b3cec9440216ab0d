package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/stagegate/stagegate/core/notify"
)

// Box keeps letters.
type Box interface {
	All() (map[string][]byte, error)
	Put(name string, letter []byte) error
}

// Round is one attempt at all letters of a box, and further ones for as long as
// the context lasts.
type Round struct {
	// Again tries now what has to wait or was refused.
	Again bool
	// Once tries each letter once at most.
	Once bool
}

// places is how many places get letters at the same time.
const places = 8

// Deliver sends what is in the box, each place its own letters in their order,
// and places beside each other. It gives all letters as they are then. What
// became of a letter is kept before the next one is tried: a process that is
// killed in between sends that one again, with the same key.
func (c *Courier) Deliver(ctx context.Context, box Box, round Round) ([]*notify.Letter, error) {
	kept, err := box.All()
	if err != nil {
		return nil, err
	}
	letters := Read(kept)
	groups := make(map[string][]*notify.Letter)
	for _, l := range letters {
		place := "target " + l.Target
		if l.Mark != "" {
			place = "mark " + l.Mark
		}
		groups[place] = append(groups[place], l)
	}
	var mu sync.Mutex
	var problems []error
	slots, work := make(chan struct{}, places), sync.WaitGroup{}
	for _, place := range slices.Sorted(maps.Keys(groups)) {
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			if err := c.deliverTo(ctx, box, groups[place], round); err != nil {
				mu.Lock()
				defer mu.Unlock()
				problems = append(problems, err)
			}
		})
	}
	work.Wait()
	return letters, errors.Join(problems...)
}

// Read gives the letters among what a box keeps, oldest first. What is none is
// passed over.
func Read(kept map[string][]byte) []*notify.Letter {
	var out []*notify.Letter
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		if l, err := notify.Decode(kept[name]); err == nil {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b *notify.Letter) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// deliverTo sends the letters of one place.
func (c *Courier) deliverTo(ctx context.Context, box Box, letters []*notify.Letter, round Round) error {
	for i, l := range letters {
		if round.Again {
			l.Again()
		}
		if !l.Open() {
			continue
		}
		if l.Status != nil && slices.ContainsFunc(letters[i+1:], func(later *notify.Letter) bool { return later.Status != nil && later.Status.Note == "" }) {
			l.Supersede(c.o.Now())
			if err := keep(box, l); err != nil {
				return err
			}
			continue
		}
		if err := c.insist(ctx, box, l, round); err != nil {
			return err
		}
	}
	return nil
}

// insist tries one letter for as long as it makes sense.
func (c *Courier) insist(ctx context.Context, box Box, l *notify.Letter, round Round) error {
	for l.Open() && c.wait(ctx, l.Next, round) {
		if err := c.Send(ctx, l); err != nil {
			l.Failed(c.o.Now(), err, c.o.Clean)
		} else {
			l.Took(c.o.Now())
		}
		if err := keep(box, l); err != nil {
			return err
		}
		if round.Once {
			return nil
		}
	}
	return nil
}

// wait waits until a time, and reports whether it has come: not when the context
// ends before.
func (c *Courier) wait(ctx context.Context, until time.Time, round Round) bool {
	pause := until.Sub(c.o.Now())
	if ctx.Err() != nil {
		return false
	}
	if pause <= 0 {
		return true
	}
	if deadline, ok := ctx.Deadline(); round.Once || ok && c.o.Now().Add(pause).After(deadline) {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func keep(box Box, l *notify.Letter) error {
	data, err := l.Encode()
	if err != nil {
		return err
	}
	if err := box.Put(l.Name(), data); err != nil {
		return fmt.Errorf("keep what became of a letter to %s: %w", l.Where(), err)
	}
	return nil
}

// Add keeps letters that are not in the box yet.
func Add(box Box, letters []*notify.Letter) error {
	kept, err := box.All()
	if err != nil {
		return err
	}
	for _, l := range letters {
		if _, there := kept[l.Name()]; there {
			continue
		}
		if err := keep(box, l); err != nil {
			return err
		}
	}
	return nil
}
