package runstate

import "context"

// Outbox keeps what has to be told of runs until that is done. What is in it is
// the caller's own; nothing of it is ever part of a run's journal.
type Outbox interface {
	// Expect keeps, durably, that something will have to be told of a run, with a
	// note for whoever tells it. An earlier note is replaced. Of what nobody
	// expects nothing is told, so this comes first.
	Expect(ctx context.Context, run string, note []byte) error
	// Expected are the ids of the runs of which something has to be told, oldest
	// first.
	Expected(ctx context.Context) ([]string, error)
	// Open makes the letters of a run this process's own, until they are closed or
	// the process ends. It returns ErrRunning while another one has them, and
	// ErrNotFound when nothing is expected or the run is gone.
	Open(ctx context.Context, run string) (Letters, error)
	// Peek gives the letters of a run to look at, whoever has them.
	Peek(ctx context.Context, run string) (map[string][]byte, error)
}

// Letters are those of one run.
type Letters interface {
	// Note is what Expect was given.
	Note() []byte
	// All are the letters by name.
	All() (map[string][]byte, error)
	// Put keeps a letter, durably; one of the same name is replaced.
	Put(name string, letter []byte) error
	// Settle ends the expectation, unless it is another one by now. The letters
	// stay, as long as the run does.
	Settle(ctx context.Context) error
	// Close lets others have the letters.
	Close() error
}
