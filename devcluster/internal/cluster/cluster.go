// Package cluster starts, inspects and ends a development cluster: the
// processes in one directory that together are a Kubernetes control plane,
// simulated nodes and a registry. It decides the order and the command lines;
// what a component is, package component knows.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stagegate/stagegate/devcluster/internal/component"
	"github.com/stagegate/stagegate/devcluster/internal/process"
	"github.com/stagegate/stagegate/devcluster/internal/state"
)

const (
	pollInterval   = 50 * time.Millisecond
	requestTimeout = 5 * time.Second
	logTailLines   = 12
)

// ErrTimeout is the cause with which the caller of Up ends a context when the
// cluster has had its time.
var ErrTimeout = errors.New("out of time")

// Cluster is one cluster on this machine, running or not.
type Cluster struct {
	Layout state.Layout
	// Executable is started with the arguments "component NAME …" for each
	// component; it must end up in component.Run.
	Executable string
	// Progress is told about each part that is ready, and how long it took.
	Progress func(part, event string, elapsed time.Duration)
}

// ComponentError says that a component has ended when it should not have.
type ComponentError struct {
	Component string
	Reason    string
	LogFile   string
	Log       []string
}

// Error implements error in one line; the log is for those who want it.
func (e *ComponentError) Error() string {
	return fmt.Sprintf("%s: %s, see %s", e.Component, e.Reason, e.LogFile)
}

// portTaken reports whether the component ended because its port was no
// longer free when it came to listen on it.
func (e *ComponentError) portTaken() bool {
	return strings.Contains(strings.Join(e.Log, "\n"), "address already in use")
}

func (c *Cluster) componentError(name, reason string) *ComponentError {
	logFile := c.Layout.Log(name)
	return &ComponentError{Component: name, Reason: reason, LogFile: logFile, Log: process.LogTail(logFile, logTailLines)}
}

// componentNames returns all components in the order in which they start.
func componentNames() []string {
	return []string{
		component.Etcd, component.Registry, component.APIServer,
		component.ControllerManager, component.Scheduler, component.KWOK,
	}
}

// stopOrder returns what to stop together, clients before the servers that
// they would otherwise miss.
func stopOrder() [][]string {
	return [][]string{
		{component.KWOK, component.Scheduler, component.ControllerManager, component.Registry},
		{component.APIServer},
		{component.Etcd},
	}
}

func (c *Cluster) lock(ctx context.Context) (*state.Lock, error) {
	return state.Acquire(ctx, c.Layout.Lock(), func() {
		c.Progress("lock", "waiting for another devcluster on this directory", 0)
	})
}

// poll calls try until it succeeds or ctx ends. An error of try that is final
// has to be wrapped in a *ComponentError.
func poll(ctx context.Context, try func() error) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := try()
		var final *ComponentError
		if err == nil || errors.As(err, &final) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}
