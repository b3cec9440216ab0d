package runstate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/event"
)

const (
	groupsName = "groups"
	// maxGroup bounds the name of a group, in bytes.
	maxGroup = 256
	// A line is looked at often while somebody is next, and as a whole now and
	// then: the longer it is, the less often.
	firstPause, maxPause = 5 * time.Millisecond, 200 * time.Millisecond
	rescanAfter          = time.Second
	rescanForEach        = 5 * time.Millisecond
)

// lineLockTries is for ever: whoever has the lock of a line writes one small
// file and gives it up.
const lineLockTries = int(^uint(0) >> 1)

// line is the line in front of a concurrency group: one ticket a stage, the
// first one is in. A ticket counts as long as the lock of its run is held, so
// that a process that dies, however that happens, holds nothing up.
type line struct {
	dir  string // of the group
	runs string // the folder of all runs
	own  string // this run
}

// Enter waits for the stage's turn.
func (r *fileRun) Enter(ctx context.Context, group, stage string, waiting func(event.Wait, []string)) (leave func() error, err error) {
	l, err := r.line(group)
	if err != nil {
		return nil, err
	}
	mine, err := l.join(ctx, stage)
	if err != nil {
		return nil, fmt.Errorf("join concurrency group %s: %w", group, err)
	}
	if err := l.await(ctx, group, mine, waiting); err != nil {
		return nil, errors.Join(err, l.leave(mine))
	}
	return func() error { return l.leave(mine) }, nil
}

// line is the line of a group. The folder's name is a hash: a group may be
// called what a folder may not.
func (r *fileRun) line(group string) (*line, error) {
	if group == "" || len(group) > maxGroup {
		return nil, fmt.Errorf("join concurrency group: its name has %d bytes, not 1 to %d", len(group), maxGroup)
	}
	sum := sha256.Sum256([]byte(group))
	l := &line{
		dir:  filepath.Join(r.home, groupsName, hex.EncodeToString(sum[:16])),
		runs: filepath.Dir(r.dir), own: r.id,
	}
	if err := os.MkdirAll(l.dir, dirMode); err != nil {
		return nil, homeError(r.home, fmt.Errorf("join concurrency group %s: %w", group, err))
	}
	return l, nil
}

// join puts a ticket at the end of the line.
func (l *line) join(ctx context.Context, stage string) (mine ticket, err error) {
	lock, err := takeLock(ctx, filepath.Join(l.dir, lockName), lineLockTries)
	if err != nil {
		return ticket{}, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	all, err := l.tickets()
	if err != nil {
		return ticket{}, err
	}
	mine = ticket{number: 1, run: l.own, tail: randomTail()}
	if n := len(all); n > 0 {
		mine.number = all[n-1].number + 1
	}
	return mine, mine.write(l.dir, stage, time.Now().UTC())
}

// await returns when nobody is before the ticket any more.
func (l *line) await(ctx context.Context, group string, mine ticket, waiting func(event.Wait, []string)) error {
	var told event.Wait
	for {
		ahead, err := l.ahead(mine)
		if err != nil {
			return fmt.Errorf("wait for concurrency group %s: %w", group, err)
		}
		if len(ahead) == 0 {
			return mine.enter(l.dir, time.Now().UTC())
		}
		now := event.Wait{Group: group, Before: len(ahead) - 1, Holder: ahead[0].occupant(l.dir)}
		if told.Holder == nil || *told.Holder != *now.Holder || told.Before != now.Before {
			told = now
			waiting(now, runsOf(ahead))
		}
		if err := l.pause(ctx, ahead); err != nil {
			return err
		}
	}
}

// pause waits until the one right before has gone, or it is time to look at
// the whole line again.
func (l *line) pause(ctx context.Context, ahead []ticket) error {
	before := ahead[len(ahead)-1]
	rescan := time.NewTimer(rescanAfter + time.Duration(len(ahead))*rescanForEach)
	defer rescan.Stop()
	for wait := firstPause; ; wait = min(2*wait, maxPause) {
		next := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			next.Stop()
			return context.Cause(ctx)
		case <-rescan.C:
			next.Stop()
			return nil
		case <-next.C:
		}
		if _, err := os.Lstat(before.path(l.dir)); err != nil {
			return nil // it has gone, or the next look at the line says what is wrong
		}
		if alive, err := l.alive(before.run); err != nil || !alive {
			return err
		}
	}
}

// ahead are the tickets before one, without those of dead runs, which go.
func (l *line) ahead(mine ticket) ([]ticket, error) {
	all, err := l.tickets()
	if err != nil {
		return nil, err
	}
	end := slices.IndexFunc(all, func(t ticket) bool { return t == mine })
	if end < 0 {
		return nil, errors.New("the stage's place in the line was taken away")
	}
	known := make(map[string]bool) // whether a run is alive
	var out []ticket
	for _, t := range all[:end] {
		alive, seen := known[t.run]
		if !seen {
			if alive, err = l.alive(t.run); err != nil {
				return nil, err
			}
			known[t.run] = alive
		}
		if alive {
			out = append(out, t)
			continue
		}
		if err := l.leave(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// alive reports whether some process writes a run.
func (l *line) alive(run string) (bool, error) {
	if run == l.own {
		return true, nil
	}
	return lockHeld(filepath.Join(l.runs, run, lockName))
}

// leave takes a ticket out of the line.
func (l *line) leave(t ticket) error {
	if err := os.Remove(t.path(l.dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("leave concurrency group: %w", err)
	}
	return nil
}

// tickets are all of a line, in order.
func (l *line) tickets() ([]ticket, error) {
	dir, err := os.Open(l.dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }() // read only: nothing can be lost
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var out []ticket
	for _, name := range names {
		if t, ok := parseTicket(name); ok {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, ticket.compare)
	return out, nil
}

// sweepTickets takes a run's tickets out of all lines. Whoever holds the run's
// lock may do that before it enters a group: what is there is of a process that
// has died.
func (s *FileStore) sweepTickets(run string) error {
	left, err := filepath.Glob(filepath.Join(s.home, groupsName, "*", "*-"+run+"-*"))
	for _, path := range left {
		if removed := os.Remove(path); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}
	if err != nil {
		return fmt.Errorf("leave concurrency groups of run %s: %w", run, err)
	}
	return nil
}

func runsOf(tickets []ticket) []string {
	var out []string
	for _, t := range tickets {
		if !slices.Contains(out, t.run) {
			out = append(out, t.run)
		}
	}
	return out
}

// randomTail keeps two tickets from ever having the same name.
func randomTail() string { return strings.ToLower(rand.Text()) }
