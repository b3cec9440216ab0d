package plugintest

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Harness is a plugin under test.
type Harness struct {
	t          testing.TB
	conn       *grpc.ClientConn
	components map[string]*pluginv1.Component
	trust      *trust
	counter    int

	// Store is what the plugin sees of the host.
	Store *Store
}

// Start serves the plugin until the test ends.
func Start(t testing.TB, p sdk.Plugin) *Harness {
	t.Helper()
	store := newStore()
	hostConn := dial(t, func(g *grpc.Server) { pluginv1.RegisterHostServiceServer(g, store) })
	trust := newTrust(t)
	conn := dial(t, func(g *grpc.Server) {
		if err := sdk.Register(g, p, sdk.InProcess{TrustRoot: trust.path, Host: hostConn}); err != nil {
			t.Fatalf("register plugin: %v", err)
		}
	})
	described, err := pluginv1.NewPluginServiceClient(conn).Describe(t.Context(), &pluginv1.DescribeRequest{})
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	h := &Harness{t: t, conn: conn, components: make(map[string]*pluginv1.Component), trust: trust, Store: store}
	for _, c := range described.GetComponents() {
		h.components[c.GetName()] = c
	}
	return h
}

// dial serves something on a pipe in memory and connects to it.
func dial(t testing.TB, register func(*grpc.Server)) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	register(server)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Stop
	}()
	conn, err := grpc.NewClient("passthrough:///in-process",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
		<-served
	})
	return conn
}

// Options vary one call. The zero value suits most tests.
type Options struct {
	Context     context.Context // default: the test's
	WorkDir     string          // default: a fresh folder
	Environment string
	Source      *pluginv1.Source
	// IdempotencyKey is the same for calls that belong to one stage of one run.
	IdempotencyKey string
}

// options are those given, or the defaults.
func (h *Harness) options(given []Options) Options {
	h.t.Helper()
	var o Options
	if len(given) > 1 {
		h.t.Fatalf("at most one Options")
	}
	if len(given) == 1 {
		o = given[0]
	}
	if o.Context == nil {
		o.Context = h.t.Context()
	}
	if o.WorkDir == "" {
		o.WorkDir = h.t.TempDir()
	}
	if o.IdempotencyKey == "" {
		o.IdempotencyKey = "test-key"
	}
	return o
}

// attempt is a fresh attempt.
func (h *Harness) attempt(o Options) *pluginv1.Attempt {
	h.counter++
	id := fmt.Sprintf("%s-%d", h.t.Name(), h.counter)
	return &pluginv1.Attempt{
		Id: id, Run: "test-run", Stage: "stage.test", Number: 1,
		IdempotencyKey: o.IdempotencyKey, WorkDir: o.WorkDir, ScratchDir: h.t.TempDir(),
		Heartbeat: durationpb.New(time.Minute), Environment: o.Environment, Source: o.Source,
	}
}

// Config completes an object with null for every argument that is left out,
// as the runner does.
func (h *Harness) Config(component string, given cty.Value) cty.Value {
	h.t.Helper()
	c := h.component(component)
	v, err := complete(c.GetConfig(), given)
	if err != nil {
		h.t.Fatalf("configuration of %s: %v", component, err)
	}
	return v
}

func (h *Harness) component(name string) *pluginv1.Component {
	h.t.Helper()
	c, ok := h.components[name]
	if !ok {
		h.t.Fatalf("the plugin has no component %q", name)
	}
	return c
}

func (h *Harness) encode(component string, given cty.Value) *pluginv1.DynamicValue {
	h.t.Helper()
	ty, err := dynamic.ImpliedType(h.component(component).GetConfig())
	if err != nil {
		h.t.Fatalf("schema of %s: %v", component, err)
	}
	dv, err := dynamic.Encode(h.Config(component, given), ty)
	if err != nil {
		h.t.Fatalf("configuration of %s: %v", component, err)
	}
	return dv
}
