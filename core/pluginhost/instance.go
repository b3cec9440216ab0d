package pluginhost

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pluginhost/internal/proctree"
	"github.com/stagegate/stagegate/sdk/process"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/grpc"
)

// instance is one running process of a plugin.
type instance struct {
	name      string
	limits    Limits
	redact    func(string) string
	dir       string
	child     *child
	client    *plugin.Client
	conn      *grpc.ClientConn
	server    *grpc.Server // of the callbacks
	callbacks *callbacks
	described *pluginv1.DescribeResponse
	asked     chan struct{} // closed when it is to end
	gone      chan struct{} // closed when it is dead and cleaned up

	mu      sync.Mutex
	users   int
	retired bool                // takes no new work
	doom    *engine.PluginError // why the host has killed it
	ending  sync.Once
}

// enter counts a user in, unless the process takes no new work.
func (p *instance) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.child.exited:
		p.retired = true
	default:
	}
	if p.retired {
		return false
	}
	p.users++
	return true
}

// leave counts a user out. The last one of a retired process ends it.
func (p *instance) leave() {
	p.mu.Lock()
	p.users--
	last := p.retired && p.users == 0
	p.mu.Unlock()
	if last {
		p.end()
	}
}

// retire keeps new work away: what is in flight may end, and the next need
// starts another process.
func (p *instance) retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = true
}

// alone reports whether there is but one user.
func (p *instance) alone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.users <= 1
}

// condemn kills the whole process tree; every call in flight fails with the
// reason. The first one counts.
func (p *instance) condemn(reason *engine.PluginError) {
	p.mu.Lock()
	p.retired = true
	if p.doom == nil {
		p.doom = reason
	}
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), p.limits.Kill)
	defer cancel()
	p.child.killTree(ctx)
}

// verdict is why the process is dead, or nil while it lives.
func (p *instance) verdict() error {
	p.mu.Lock()
	doom := p.doom
	p.mu.Unlock()
	if doom != nil {
		return doom
	}
	if how, dead := p.child.death(); dead {
		return p.fault(ClassCrashed, errors.New(how))
	}
	return nil
}

// awaitDeath waits a moment for the process to be dead, and for what it has
// left behind to be gone.
func (p *instance) awaitDeath(patience time.Duration) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.gone:
	case <-timer.C:
	}
}

func (p *instance) lastWords() string { return p.redact(p.child.words.String()) }

// end asks the process to end. It returns at once; gone is closed when all is
// done.
func (p *instance) end() {
	p.retire()
	p.ending.Do(func() { close(p.asked) })
}

// close ends the process whatever it is doing, and returns when it is gone or
// ctx has ended.
func (p *instance) close(ctx context.Context) {
	p.mu.Lock()
	if p.users > 0 && p.doom == nil {
		p.doom = &engine.PluginError{Plugin: p.name, Class: ClassCrashed, Err: errClosed}
	}
	p.mu.Unlock()
	p.end()
	select {
	case <-p.gone:
	case <-ctx.Done():
	}
}

// bury owns the end of the process: it asks when it is told to, kills when
// that does not help, and removes what is left, which is processes that it did
// not take along, connections, and the folder of its sockets.
func (p *instance) bury() {
	defer close(p.gone)
	select {
	case <-p.child.exited:
	case <-p.asked:
		p.sayFarewell()
	}
	p.retire()
	if !p.child.orderly() {
		ctx, cancel := context.WithTimeout(context.Background(), p.limits.Kill)
		defer cancel()
		proctree.Kill(ctx, proctree.Mark{Key: process.InstanceVariable, Value: p.child.instance})
	}
	if p.server != nil {
		p.server.Stop()
	}
	// The process is dead and its pipes are closed, so that nothing is left for
	// go-plugin to wait for.
	p.client.Kill()
	_ = os.RemoveAll(p.dir)
}

// sayFarewell asks the plugin to end, and kills it a moment later. Nobody
// waits for go-plugin's own attempt, which hangs as long as the plugin does.
func (p *instance) sayFarewell() {
	go p.client.Kill()
	timer := time.NewTimer(farewell)
	defer timer.Stop()
	select {
	case <-p.child.exited:
		return
	case <-timer.C:
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.limits.Kill)
	defer cancel()
	p.child.killTree(ctx)
	<-p.child.exited
}

// killAttempt ends the processes of one attempt, and no others.
func (p *instance) killAttempt(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), p.limits.Kill)
	defer cancel()
	proctree.Kill(ctx, proctree.Mark{Key: process.AttemptVariable, Value: id})
}

// alive reports whether the plugin answers anything at all.
func (p *instance) alive(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return ping(ctx, p.conn) == nil
}
