package app_test

import (
	"context"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
)

// killAfter, in the environment of the runner that this test binary is, is the
// number of events after which it dies by SIGKILL. Only tests know it.
const killAfter = "STAGEGATE_TEST_KILL_AFTER"

// killing stands before a run's journal and kills the process once it holds as
// many new events. It writes them one by one, so that a runner also dies
// between two that belong together, as in a torn write.
type killing struct {
	engine.Journal
	mu   sync.Mutex
	left int
}

// disturbed is a journal that kills, when the environment says so.
func disturbed(j engine.Journal) engine.Journal {
	left, err := strconv.Atoi(os.Getenv(killAfter))
	if err != nil {
		return j
	}
	return &killing{Journal: j, left: left}
}

func (k *killing) Append(ctx context.Context, events ...event.Event) error {
	return k.each(ctx, k.Journal.Append, events)
}

func (k *killing) Note(ctx context.Context, events ...event.Event) error {
	return k.each(ctx, k.Journal.Note, events)
}

func (k *killing) each(ctx context.Context, write func(context.Context, ...event.Event) error, events []event.Event) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range events {
		if k.left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		if err := write(ctx, e); err != nil {
			return err
		}
		k.left--
	}
	return nil
}
