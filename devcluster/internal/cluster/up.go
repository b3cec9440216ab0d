package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stagegate/stagegate/devcluster/internal/component"
	"github.com/stagegate/stagegate/devcluster/internal/process"
	"github.com/stagegate/stagegate/devcluster/internal/state"
)

// The shape of a cluster that nobody has chosen one for.
const (
	DefaultNodes       = 2
	DefaultGPUsPerNode = 8
	DefaultCPUNodes    = 1
)

// Shape is what the caller of Up asks for. A nil field keeps what the cluster
// has, or takes the default for a new one.
type Shape struct {
	Nodes       *int // those with GPUs
	GPUsPerNode *int
	CPUNodes    *int
}

// Up brings the cluster up, or repairs one of which parts have died, keeping
// its data. It does nothing to a healthy one. When it fails, or ctx ends, the
// processes that it has started are stopped again.
func (c *Cluster) Up(ctx context.Context, want Shape) (report Report, err error) {
	if err := c.Layout.Create(); err != nil {
		return Report{}, err
	}
	lock, err := c.lock(ctx)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	// A purge may have removed the folders while the lock was waited for.
	if err := c.Layout.Create(); err != nil {
		return Report{}, err
	}

	recorded, err := state.Load(c.Layout.State())
	if errors.Is(err, state.ErrNone) {
		recorded, err = state.New(), nil
	}
	if err != nil {
		return Report{}, err
	}
	shape := want.over(recorded.Shape)
	report = c.inspect(ctx, recorded)
	if report.Running && shape == recorded.Shape {
		return report, nil
	}
	recorded.Shape = shape
	// The cookie has to be on disk before the first process carries it.
	if err := recorded.Save(c.Layout.State()); err != nil {
		return Report{}, err
	}
	launch := &launch{cluster: c, recorded: recorded}
	if err := launch.run(ctx, report); err != nil {
		return Report{}, errors.Join(err, launch.rollback(ctx))
	}
	return c.inspect(ctx, recorded), nil
}

func (s Shape) over(recorded state.Shape) state.Shape {
	if recorded == (state.Shape{}) {
		recorded = state.Shape{Nodes: DefaultNodes, GPUsPerNode: DefaultGPUsPerNode, CPUNodes: DefaultCPUNodes}
	}
	if s.Nodes != nil {
		recorded.Nodes = *s.Nodes
	}
	if s.GPUsPerNode != nil {
		recorded.GPUsPerNode = *s.GPUsPerNode
	}
	if s.CPUNodes != nil {
		recorded.CPUNodes = *s.CPUNodes
	}
	return recorded
}

// launch is one run of Up that has something to do.
type launch struct {
	cluster  *Cluster
	recorded *state.State
	children []child
}

type child struct {
	name string
	*process.Child
}

func (l *launch) run(ctx context.Context, before Report) error {
	if err := stopStrays(ctx, l.recorded); err != nil {
		return err
	}
	if err := l.stopUnhealthy(ctx, before); err != nil {
		return err
	}
	if err := l.startServers(ctx); err != nil {
		return err
	}
	for _, name := range []string{component.ControllerManager, component.Scheduler, component.KWOK} {
		if l.recorded.Alive(name) {
			continue
		}
		if err := l.startClient(ctx, name); err != nil {
			return err
		}
	}
	return l.populate(ctx)
}

// stopUnhealthy ends components that run without doing their work, so that
// they are started again. Among them is the API server whenever etcd has died:
// it would find a new one by itself, but some of its connections much later
// than others.
func (l *launch) stopUnhealthy(ctx context.Context, before Report) error {
	for _, name := range componentNames() {
		if !l.recorded.Alive(name) || before.healthy(name) {
			continue
		}
		grace := stopGrace
		if name == component.APIServer {
			grace = brokenStopGrace
		}
		if _, err := l.cluster.stop(ctx, l.recorded, grace, name); err != nil {
			return err
		}
	}
	return nil
}

// startClient starts a component that needs the API server.
func (l *launch) startClient(ctx context.Context, name string) error {
	if name == component.KWOK {
		if err := l.releaseNodes(ctx); err != nil {
			return err
		}
	}
	return l.start(name)
}

// start starts one component and records it.
func (l *launch) start(name string) error {
	c := l.cluster
	startedAt := time.Now()
	started, err := process.Start(process.Spec{
		Executable: c.Executable,
		Args:       append([]string{"component", name}, arguments(name, c.Layout, l.recorded.Ports)...),
		Dir:        workingDir(name, c.Layout),
		Env:        componentEnvironment(c.Layout),
		Cookie:     l.recorded.Cookie,
		LogFile:    c.Layout.Log(name),
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	l.children = append(l.children, child{name: name, Child: started})
	l.recorded.Record(state.Component{
		Name: name, Identity: started.Identity, Executable: c.Executable, StartedAt: startedAt,
	})
	return l.recorded.Save(c.Layout.State())
}

// rollback stops what this run has started; ctx may be over already.
func (l *launch) rollback(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	for _, names := range stopOrder() {
		ours := slices.DeleteFunc(names, func(name string) bool {
			return !slices.ContainsFunc(l.children, func(c child) bool { return c.name == name })
		})
		if len(ours) == 0 {
			continue
		}
		if _, err := l.cluster.stop(ctx, l.recorded, stopGrace, ours...); err != nil {
			return err
		}
	}
	return stopStrays(ctx, l.recorded)
}

// componentEnvironment is all that a component sees of the environment: no
// variable of the user's shell (a proxy, a kubeconfig) can change the cluster.
func componentEnvironment(layout state.Layout) []string {
	return []string{"HOME=" + layout.Dir, "PATH=/usr/bin:/bin", "TMPDIR=" + layout.Config("")}
}
