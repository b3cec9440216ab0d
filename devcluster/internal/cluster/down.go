package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/stagegate/stagegate/devcluster/internal/process"
	"github.com/stagegate/stagegate/devcluster/internal/state"
)

const (
	// stopGrace is how long a component may take to end by itself.
	stopGrace = 10 * time.Second
	// brokenStopGrace is the same for an API server that does not work: it
	// would wait for an etcd that is not there, and has nothing to lose.
	brokenStopGrace = time.Second
)

// Down ends the cluster and reports whether there was anything to end. Its
// data stay for the next Up unless purge is set.
func (c *Cluster) Down(ctx context.Context, purge bool) (stopped bool, err error) {
	if _, err := os.Stat(c.Layout.Dir); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	lock, err := c.lock(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()

	recorded, err := state.Load(c.Layout.State())
	switch {
	case errors.Is(err, state.ErrNone):
	case err != nil:
		return false, err
	default:
		if stopped, err = c.stopAll(ctx, recorded); err != nil {
			return stopped, err
		}
	}
	if purge {
		return stopped, c.Layout.Remove()
	}
	return stopped, nil
}

// stopAll ends every component and forgets it.
func (c *Cluster) stopAll(ctx context.Context, recorded *state.State) (stopped bool, err error) {
	var ended []process.Identity
	for _, one := range recorded.Components {
		ended = append(ended, one.Identity)
	}
	for _, names := range stopOrder() {
		some, err := c.stop(ctx, recorded, stopGrace, names...)
		stopped = stopped || some
		if err != nil {
			return stopped, err
		}
	}
	if err := stopStrays(ctx, recorded); err != nil {
		return stopped, err
	}
	process.AwaitReaped(ctx, ended)
	// A kubeconfig that leads nowhere would only confuse its reader.
	if err := os.Remove(c.Layout.Kubeconfig()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return stopped, fmt.Errorf("remove kubeconfig: %w", err)
	}
	return stopped, nil
}

// stop ends the named components together and forgets them.
func (c *Cluster) stop(
	ctx context.Context, recorded *state.State, grace time.Duration, names ...string,
) (stopped bool, err error) {
	began := time.Now()
	var ids []process.Identity
	var alive []string
	for _, name := range names {
		if one, ok := recorded.Component(name); ok && one.Alive(recorded.Cookie) {
			ids = append(ids, one.Identity)
			alive = append(alive, name)
		}
	}
	if err := process.Stop(ctx, ids, recorded.Cookie, grace); err != nil {
		return false, fmt.Errorf("stop %v: %w", names, err)
	}
	for _, name := range names {
		recorded.Forget(name)
	}
	for _, name := range alive {
		c.Progress(name, "stopped", time.Since(began))
	}
	return len(ids) > 0, recorded.Save(c.Layout.State())
}

// stopStrays ends processes of this cluster that the record does not know:
// those started just before an earlier run was killed.
func stopStrays(ctx context.Context, recorded *state.State) error {
	found, err := process.Find(recorded.Cookie)
	if err != nil {
		return err
	}
	var strays []process.Identity
	for _, id := range found {
		known := false
		for _, one := range recorded.Components {
			known = known || one.Identity == id
		}
		if !known {
			strays = append(strays, id)
		}
	}
	if err := process.Stop(ctx, strays, recorded.Cookie, stopGrace); err != nil {
		return fmt.Errorf("stop unrecorded processes: %w", err)
	}
	return nil
}
