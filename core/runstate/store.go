package runstate

import (
	"context"
	"io"
	"os"

	"github.com/stagegate/stagegate/core/event"
)

// Store keeps runs. Every implementation passes runstatetest. All methods may
// be called from several goroutines, and several processes may use one store.
type Store interface {
	// Create makes a run with an id from NewID and opens it for writing. An id
	// that is taken is an error.
	Create(ctx context.Context, id string) (Run, error)
	// Open opens a run for writing again: what follows goes behind the last
	// whole record. It returns ErrRunning while another writer has the run, and
	// what Read returns for a journal that cannot be trusted.
	Open(ctx context.Context, id string) (Run, error)
	// List gives the ids of all runs, newest first.
	List(ctx context.Context) ([]string, error)
	// Read gives what the journal of a run says. It returns ErrNotFound, or a
	// *CorruptError together with the records before the bad one.
	Read(ctx context.Context, id string) (History, error)
	// First gives the first event of a run's journal, checked, at a cost that does
	// not depend on the rest. It returns ErrNotFound, also for a run that has no
	// event yet, or a *CorruptError.
	First(ctx context.Context, id string) (event.Event, error)
	// Log opens the log of one attempt. It returns ErrNotFound when the attempt
	// wrote nothing. The caller closes it.
	Log(ctx context.Context, id, stage string, attempt int) (io.ReadCloser, error)
	// Stop asks the runner that works on a run to stop it, and returns when that
	// has taken the request up. It returns ErrNotRunning when nobody works on the
	// run, or no longer; the request is gone then.
	Stop(ctx context.Context, id string, req StopRequest) error
	// AddVote keeps what somebody has said about what a run would apply. The run
	// may be written by anybody, or by nobody.
	AddVote(ctx context.Context, id string, vote []byte) error
	// Votes are those of a run. Nothing vouches for them: whoever counts verifies
	// each.
	Votes(ctx context.Context, id string) ([][]byte, error)
	// Blobs is the content store that all runs share.
	Blobs() Blobs
	// Results keeps what stages came to, for runs to come.
	Results() Results
	// Close gives up what the store holds. Open runs are closed by their owners.
	Close() error
}

// Run is a run that this process writes, and no other.
type Run interface {
	ID() string
	// Append makes events durable, in order. It may be called from several
	// goroutines, whose events then share one write. When the disk is full it
	// returns a *DiskFullError; its Recorded says whether the events were stored
	// after all, and later calls may work, so that the end can be recorded.
	// After any other error all later calls fail.
	Append(ctx context.Context, events ...event.Event) error
	// Note writes events, in order with those of Append, that become durable with
	// the next Append or Close. Until then they outlive the process, but not the
	// machine. Its errors are those of Append.
	Note(ctx context.Context, events ...event.Event) error
	// StageLog appends to the log of one attempt. The file appears with its
	// first byte; Close makes it durable.
	StageLog(stage string, attempt int) (io.WriteCloser, error)
	// Enter waits until a stage of this run is alone in a concurrency group,
	// among all runs of the store, in the order in which stages came. Leave lets
	// the next one in, and so does the end of the process, however it ends.
	// Waiting is called when there is somebody before the stage, and again when
	// that changes; runs are those whose stages come before it, each once, the
	// holder first. When ctx ends, its place in the line is given up.
	Enter(ctx context.Context, group, stage string, waiting func(w event.Wait, runs []string)) (leave func() error, err error)
	// Stops calls take with each request to stop the run that is made while it
	// watches, one at a time, until ctx ends: that is no error. Requests to
	// earlier writers of the run are not among them. It is called once.
	Stops(ctx context.Context, take func(StopRequest)) error
	// Close ends the writing. Events that Append has accepted are kept.
	Close() error
}

// Blobs is immutable content by digest, "sha256:<hex>".
type Blobs interface {
	// Put stores what r yields and returns when that is durable. Nothing is
	// stored when r or the disk fails.
	Put(ctx context.Context, r io.Reader) (digest string, size int64, err error)
	// Open opens a blob for reading at any offset. It returns ErrNotFound. The
	// content was checked when it was stored; whoever reads all of it should
	// check it again.
	Open(digest string) (*os.File, error)
}

// History is what a journal says.
type History struct {
	Events []event.Event
	// Live is set while some process writes the run.
	Live bool
	// Torn is the number of bytes behind the last whole record: the writer was
	// killed in the middle of an append that it had not reported as done.
	Torn int64
}
