package pluginhost

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// What follows is all that go-plugin asks of a runner.

var _ runner.Runner = (*child)(nil)

// Wait waits for the end of the process.
func (c *child) Wait(context.Context) error {
	<-c.exited
	return nil
}

// Kill ends the process. go-plugin calls it when the start has failed, and
// after it has asked the plugin to end: then, or when it has closed its output
// and may be about to end, there is a moment to do so.
func (c *child) Kill(context.Context) error {
	c.mu.Lock()
	patient := c.ready || errors.Is(c.handshake, errNoHandshake)
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*mourning)
	defer cancel()
	if patient {
		timer := time.NewTimer(mourning)
		defer timer.Stop()
		select {
		case <-c.exited:
			return nil
		case <-timer.C:
		}
	}
	c.killTree(ctx) //nolint:contextcheck // it must go on when the call has ended
	return nil
}

// Stdout is the checked handshake.
func (c *child) Stdout() io.ReadCloser { return c.toHost }

// Stderr is empty: the words of a plugin are kept here.
func (c *child) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name is for go-plugin's messages.
func (c *child) Name() string { return c.binary.path }

// ID is for go-plugin's messages.
func (c *child) ID() string { return c.instance }

// Diagnose adds nothing: the host has the last words.
func (c *child) Diagnose(context.Context) string { return "" }

// PluginToHost leaves addresses alone: there is one file system.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin leaves addresses alone.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
