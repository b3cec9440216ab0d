package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/sdk"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// launch starts a process of the plugin and waits until it has introduced
// itself. It gives up, and kills the process, when ctx ends.
func (h *Host) launch(ctx context.Context, b *binary) (*instance, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, h.limits.Start, fmt.Errorf("there was no answer within %s", h.limits.Start))
	defer cancel()
	dir, mark, err := h.runtime.launch()
	if err != nil {
		return nil, err
	}
	id, err := newIdentity()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p := &instance{
		name: b.name, limits: h.limits, redact: h.redact, dir: dir,
		asked: make(chan struct{}), gone: make(chan struct{}),
		child:     newChild(b, h.spawner, id.bundle, mark),
		callbacks: &callbacks{blobs: h.options.Blobs, secrets: h.options.Secrets, scopes: make(map[string]engine.Scope)},
	}
	p.client = plugin.NewClient(p.config(id, environment(h.options, mark)))
	err = p.introduce(ctx, id, h.options.Version)
	if !p.child.running() {
		p.client.Kill()
		return nil, errors.Join(p.startFault(ctx, err), os.RemoveAll(dir))
	}
	h.burials.Go(p.bury)
	if err == nil {
		return p, nil
	}
	fault := p.startFault(ctx, err)
	p.condemn(fault) //nolint:contextcheck // it must go on when the call has ended
	p.awaitDeath(h.limits.Kill)
	fault.LastWords = p.lastWords()
	return nil, fault
}

// startFault says why a launch did not succeed.
func (p *instance) startFault(ctx context.Context, err error) *engine.PluginError {
	if own, ok := errors.AsType[*engine.PluginError](err); ok {
		return own
	}
	if !p.child.running() {
		return p.fault(ClassCrashed, fmt.Errorf("start %s: %w", p.child.binary.path, err))
	}
	how, dead := p.child.diedAlone()
	handshake := p.child.handshakeError()
	mute := handshake == nil || errors.Is(handshake, errNoHandshake)
	switch {
	case dead && mute:
		return p.fault(ClassCrashed, fmt.Errorf("at its start, %s", how))
	case ctx.Err() != nil && mute:
		return p.fault(ClassHung, fmt.Errorf("at its start, %w", context.Cause(ctx)))
	case handshake != nil:
		return p.fault(ClassProtocol, handshake)
	}
	return p.fault(ClassProtocol, fmt.Errorf("at its start: %s", quote(err.Error())))
}

func newChild(b *binary, s *spawner, bundle []byte, mark string) *child {
	c := &child{binary: b, spawner: s, bundle: bundle, instance: mark, words: new(lastWords), exited: make(chan struct{})}
	c.toHost, c.line = io.Pipe()
	return c
}

// config is all that go-plugin is told.
func (p *instance) config(id *identity, env []string) *plugin.ClientConfig {
	return &plugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		Plugins:          plugin.PluginSet{sdk.ProtocolName: &connector{}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		SkipHostEnv:      true,
		TLSConfig:        id.client,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: p.dir},
		StartTimeout:     2 * p.limits.Start, // ours comes first
		Logger:           hclog.NewNullLogger(),
		SyncStdout:       p.child.words,
		SyncStderr:       p.child.words,
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, dir string) (runner.Runner, error) {
			p.child.dir = dir
			p.child.cmd = &exec.Cmd{Env: append(cmd.Env, env...)}
			return p.child, nil
		},
	}
}

// introduce takes the plugin through the handshake to its first answer. What
// go-plugin does has no deadline of its own, but all of it ends with the
// process; a process that is stuck in the kernel is left to itself.
func (p *instance) introduce(ctx context.Context, id *identity, version string) error {
	type outcome struct {
		client plugin.ClientProtocol
		err    error
	}
	shaken := make(chan outcome, 1)
	go func() {
		client, err := p.client.Client()
		shaken <- outcome{client, err}
	}()
	var got outcome
	select {
	case got = <-shaken:
	case <-ctx.Done():
		kill, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.limits.Kill)
		defer cancel()
		p.child.killTree(kill)
		select {
		case <-shaken:
		case <-kill.Done():
		}
		return context.Cause(ctx)
	}
	if got.err != nil {
		return got.err
	}
	raw, err := got.client.Dispense(sdk.ProtocolName)
	if err != nil {
		return err
	}
	link, ok := raw.(*link)
	if !ok {
		return errors.New("go-plugin gave no connection")
	}
	p.conn = link.conn
	service, err := p.serveCallbacks(link.broker, id)
	if err != nil {
		return fmt.Errorf("serve callbacks: %w", err)
	}
	return p.describe(ctx, &pluginv1.DescribeRequest{HostVersion: version, HostService: service})
}

// connector is the host's side of go-plugin's one entry.
type connector struct {
	plugin.NetRPCUnsupportedPlugin
}

// link is what it dispenses.
type link struct {
	broker *plugin.GRPCBroker
	conn   *grpc.ClientConn
}

// GRPCServer is the plugin's side, which lives in the SDK.
func (*connector) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("this is the host's side")
}

// GRPCClient hands out the connection.
func (*connector) GRPCClient(_ context.Context, broker *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return &link{broker: broker, conn: conn}, nil
}

// serveCallbacks serves HostService on a socket of this launch, and returns
// the broker's number for it.
func (p *instance) serveCallbacks(broker *plugin.GRPCBroker, id *identity) (uint32, error) {
	number := broker.NextId()
	var listener net.Listener
	listener, err := broker.Accept(number)
	if err != nil {
		return 0, err
	}
	p.server = grpc.NewServer(
		grpc.Creds(credentials.NewTLS(id.server)),
		grpc.MaxRecvMsgSize(2*maxBlobPiece), grpc.MaxSendMsgSize(2*maxBlobPiece),
		grpc.ConnectionTimeout(5*time.Second),
	)
	pluginv1.RegisterHostServiceServer(p.server, p.callbacks)
	go func() { _ = p.server.Serve(listener) }()
	return number, nil
}

// ping asks go-plugin's health service, which every plugin has.
func ping(ctx context.Context, conn *grpc.ClientConn) error {
	_, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: plugin.GRPCServiceName})
	return err
}
