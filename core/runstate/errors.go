package runstate

import (
	"errors"
	"fmt"
)

// Errors of all stores.
var (
	// ErrNotFound says that there is no such run, log or blob.
	ErrNotFound = errors.New("not found")
	// ErrRunning says that another process writes the run.
	ErrRunning = errors.New("the run is being written by another runner")
	// ErrClosed says that the run was closed.
	ErrClosed = errors.New("the run is closed")
)

// HomeError says that state cannot be kept where it should be.
type HomeError struct {
	Path   string
	Remedy string
	Err    error
}

// Error says where, why and what to do.
func (e *HomeError) Error() string {
	return fmt.Sprintf("use state folder %s: %v (%s)", e.Path, e.Err, e.Remedy)
}

// Unwrap is the cause.
func (e *HomeError) Unwrap() error { return e.Err }

// DiskFullError says that there was no room for events. It wraps
// syscall.ENOSPC or syscall.EDQUOT.
type DiskFullError struct {
	Path string
	// Recorded says that the events are durable after all: room that had been
	// set aside was given up for them.
	Recorded bool
	Err      error
}

// Error says what is full.
func (e *DiskFullError) Error() string {
	return fmt.Sprintf("write journal %s: %v", e.Path, e.Err)
}

// Unwrap is the cause.
func (e *DiskFullError) Unwrap() error { return e.Err }

// CorruptError names the first record of a journal that is not what was
// written.
type CorruptError struct {
	Run    string
	Record int // from 1
	Offset int64
	Reason string
}

// Error names run and record.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("read journal of run %s: record %d (byte %d) is damaged: %s", e.Run, e.Record, e.Offset, e.Reason)
}
