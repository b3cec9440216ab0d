package sdk

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/stagegate/stagegate/sdk/process"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
)

// maxBundle bounds the certificates that arrive on standard input.
const maxBundle = 64 << 10

// Serve runs the plugin until the runner is done with it. It is all that main
// does. Called with the argument "describe" it prints what the plugin offers
// as JSON, without any network.
func Serve(p Plugin) {
	os.Exit(serve(p, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func serve(p Plugin, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == "describe" {
		return describe(p, stdout, stderr)
	}
	handshake := Handshake()
	if os.Getenv(handshake.MagicCookieKey) != handshake.MagicCookieValue {
		fmt.Fprintf(stderr, "runner-plugin-%s %s is a plugin: the runner starts it.\nTo see what it offers: runner-plugin-%s describe\n", p.Name, p.Version, p.Name)
		return 1
	}
	life := bufio.NewReader(stdin)
	security, err := readBundle(life)
	if err != nil {
		fmt.Fprintf(stderr, "read certificates from the runner: %v\n", err)
		return 1
	}
	if err := process.Adopt(); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	_ = process.SetName("plugin-" + p.Name) // it only looks better
	// A terminal's Ctrl-C reaches the whole foreground group; the runner alone
	// decides what it means.
	signal.Ignore(os.Interrupt)
	adapter := &grpcPlugin{plugin: p, life: life, words: stderr}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         plugin.PluginSet{ProtocolName: adapter},
		TLSProvider:     func() (*tls.Config, error) { return security, nil },
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: stderr, JSONFormat: true}),
	})
	adapter.close(errors.New("the plugin is shutting down"))
	return 0
}

func describe(p Plugin, stdout, stderr io.Writer) int {
	d, err := p.Describe()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	out, err := protojson.MarshalOptions{Multiline: true}.Marshal(d)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if _, err := fmt.Fprintf(stdout, "%s\n", out); err != nil {
		return 1
	}
	return 0
}

// readBundle reads the leaf, its key and the authority up to a NUL byte. Both
// sides show a certificate of that authority, which lives in the runner's
// memory and as long as it.
func readBundle(r *bufio.Reader) (*tls.Config, error) {
	var bundle []byte
	for {
		b, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if b == 0 {
			break
		}
		if bundle = append(bundle, b); len(bundle) > maxBundle {
			return nil, fmt.Errorf("more than %d bytes", maxBundle)
		}
	}
	leaf, err := tls.X509KeyPair(bundle, bundle)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	count := 0
	for rest := bundle; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		count++
		if count == 1 {
			continue // the leaf
		}
		ca, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		pool.AddCert(ca)
	}
	leaf.Certificate = leaf.Certificate[:1]
	return &tls.Config{
		Certificates: []tls.Certificate{leaf}, RootCAs: pool, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13, ServerName: ServerName,
	}, nil
}

// grpcPlugin is what go-plugin knows of us.
type grpcPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	plugin Plugin
	life   io.Reader
	words  io.Writer // the runner keeps the last of what is written here

	mu     sync.Mutex
	server *server
}

// GRPCServer registers the services and begins to watch the lifeline.
func (g *grpcPlugin) GRPCServer(broker *plugin.GRPCBroker, s *grpc.Server) error {
	server, err := newServer(g.plugin, os.Getenv(TrustRootVariable), g.words, func(id uint32) (grpc.ClientConnInterface, error) {
		return broker.Dial(id)
	})
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.server = server
	g.mu.Unlock()
	server.register(s)
	go g.watch()
	return nil
}

// GRPCClient is the host's side, which lives in the runner.
func (g *grpcPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side")
}

// watch ends the process when the runner is gone: its end of standard input is
// closed then, however it died, and the kernel sends the signal that the runner
// has asked for. What the attempts started goes with it.
func (g *grpcPlugin) watch() {
	gone := make(chan os.Signal, 1)
	signal.Notify(gone, syscall.SIGTERM)
	go func() {
		_, _ = io.Copy(io.Discard, g.life) // an error means the same as the end
		gone <- syscall.SIGTERM
	}()
	<-gone
	g.close(errors.New("the runner is gone"))
	process.KillTree(process.InstanceVariable, os.Getenv(process.InstanceVariable))
	os.Exit(1)
}

func (g *grpcPlugin) close(cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.server != nil {
		g.server.stop("", cause)
	}
}
