package runstate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"

	"github.com/stagegate/stagegate/core/event"
)

// journalFile is what a journal needs of its file.
type journalFile interface {
	io.Writer
	Sync() error
	Truncate(size int64) error
	Seek(offset int64, whence int) (int64, error)
	Close() error
}

// journal appends records. Appends that come while a write is on its way are
// collected and share the next one.
type journal struct {
	path     string
	file     journalFile
	makeRoom func() bool // gives up space that was set aside; reports whether there was any

	mu     sync.Mutex // guards next and closed
	next   *batch
	closed bool

	writing sync.Mutex // held by the one that writes; guards what follows
	chain   chain
	size    int64  // of the durable records in the file
	noted   []byte // records behind them that were written and not synced
	written bool   // noted is in the file, as far as is known
	broken  error
}

// batch is encoded events that share a write.
type batch struct {
	bodies [][]byte
	sync   bool // somebody waits until it is durable; guarded by journal.mu
	done   bool // guarded by journal.writing, as is err
	err    error
}

// append writes records and, when sync is set, makes them and all before them
// durable.
func (j *journal) append(ctx context.Context, sync bool, events ...event.Event) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("write journal %s: %w", j.path, err)
	}
	bodies := make([][]byte, len(events))
	for i, e := range events {
		var err error
		if bodies[i], err = encodeEvent(e); err != nil {
			return fmt.Errorf("write journal %s: %w", j.path, err)
		}
	}
	b, err := j.collect(bodies, sync)
	if err != nil {
		return err
	}
	j.writing.Lock()
	defer j.writing.Unlock()
	if !b.done {
		j.write(b)
	}
	return b.err
}

// collect adds to the batch that will be written next.
func (j *journal) collect(bodies [][]byte, sync bool) (*batch, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, fmt.Errorf("write journal %s: %w", j.path, ErrClosed)
	}
	if j.next == nil {
		j.next = new(batch)
	}
	j.next.bodies = append(j.next.bodies, bodies...)
	j.next.sync = j.next.sync || sync
	return j.next, nil
}

// write puts a batch into the file. The caller holds j.writing, so b is the batch
// that is collected now: whoever held it before has written the one before.
func (j *journal) write(b *batch) {
	j.mu.Lock()
	j.next = nil
	j.mu.Unlock()
	b.done = true
	if b.err = j.broken; b.err != nil {
		return
	}
	next, data := j.chain, []byte(nil)
	for _, body := range b.bodies {
		data = next.append(data, body)
	}
	err := j.writeOnce(data, b.sync)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		full := &DiskFullError{Path: j.path, Err: err}
		if j.broken == nil && j.makeRoom() && j.writeOnce(data, true) == nil {
			full.Recorded = true
			j.chain = next
		}
		b.err = full
		return
	}
	if err != nil {
		// After a failed fsync nobody knows what is in the file: nothing may
		// follow.
		j.broken = err
		b.err = err
		return
	}
	j.chain = next
}

// writeOnce appends data and syncs. When it fails the file ends behind the
// last durable record, as far as that can be had; what was only noted before
// then goes with the next write.
func (j *journal) writeOnce(data []byte, sync bool) error {
	out := data
	if len(j.noted) > 0 && !j.written {
		out = append(bytes.Clone(j.noted), data...)
	}
	_, err := j.file.Write(out)
	if err == nil && sync {
		err = j.file.Sync()
	}
	switch {
	case err == nil && sync:
		j.size += int64(len(j.noted) + len(data))
		j.noted = j.noted[:0]
		return nil
	case err == nil:
		j.noted, j.written = append(j.noted, data...), true
		return nil
	}
	j.written = false
	err = fmt.Errorf("write journal %s: %w", j.path, err)
	if cut := j.cut(); cut != nil {
		j.broken = errors.Join(err, cut)
	}
	return err
}

// cut takes a torn end off the file.
func (j *journal) cut() error {
	if err := j.file.Truncate(j.size); err != nil {
		return fmt.Errorf("cut torn record off journal %s: %w", j.path, err)
	}
	if _, err := j.file.Seek(j.size, io.SeekStart); err != nil {
		return fmt.Errorf("seek in journal %s: %w", j.path, err)
	}
	return nil
}

// close writes what was accepted before it and closes the file.
func (j *journal) close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	rest := j.next
	j.mu.Unlock()
	j.writing.Lock()
	defer j.writing.Unlock()
	if rest != nil && !rest.done {
		j.write(rest) // its appender is waiting for the lock and reports the error
	}
	var err error
	if len(j.noted) > 0 && j.broken == nil {
		err = j.writeOnce(nil, true)
	}
	return errors.Join(err, j.file.Close())
}
