package enginetest

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
)

// Proxy stands between a test and the real engine, and breaks when it is told to.
type Proxy struct {
	Address string // for DOCKER_HOST

	t        testing.TB
	network  string
	engine   string
	listener net.Listener

	mu     sync.Mutex
	frozen chan struct{} // closed once nothing passes any more
	open   []net.Conn
	ended  bool
}

// Proxy starts one that ends with the test.
func (e *Engine) Proxy() *Proxy {
	e.t.Helper()
	socket := filepath.Join(e.t.TempDir(), "engine.sock")
	listener, err := new(net.ListenConfig).Listen(e.t.Context(), "unix", socket)
	if err != nil {
		e.t.Fatal(err)
	}
	p := &Proxy{Address: "unix://" + socket, t: e.t, network: e.network, engine: e.address, listener: listener, frozen: make(chan struct{})}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.pass(conn) })
		}
	})
	e.t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
		p.Cut()
		serving.Wait()
	})
	return p
}

// Cut closes all connections, as an engine does that is started again.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.open {
		_ = conn.Close()
	}
	p.open = nil
}

// Freeze lets nothing pass any more, as an engine that hangs.
func (p *Proxy) Freeze() { close(p.frozen) }

func (p *Proxy) pass(client net.Conn) {
	server, err := new(net.Dialer).DialContext(context.WithoutCancel(p.t.Context()), p.network, p.engine)
	if err != nil {
		_ = client.Close()
		return
	}
	p.mu.Lock()
	p.open = append(p.open, client, server)
	if p.ended {
		_, _ = client.Close(), server.Close()
	}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client) })
	both.Go(func() { p.copy(client, server) })
	both.Wait()
	_, _ = client.Close(), server.Close()
}

// copy ends its direction alone: the engine still answers when it has been told all.
func (p *Proxy) copy(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		select {
		case <-p.frozen:
			n = 0
		default:
		}
		if _, failed := to.Write(buf[:n]); failed != nil || err != nil {
			break
		}
	}
	select {
	case <-p.frozen: // it does not even hang up
		_, _ = io.Copy(io.Discard, from)
	default:
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}
}
