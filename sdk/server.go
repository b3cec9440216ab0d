package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// server is a plugin's side of the protocol.
type server struct {
	plugin    Plugin
	described *pluginv1.DescribeResponse
	types     map[string]componentTypes
	trustRoot string
	words     io.Writer // for the plugin's author
	now       func() time.Time
	dialHost  func(id uint32) (grpc.ClientConnInterface, error)

	mu       sync.Mutex
	host     grpc.ClientConnInterface
	attempts map[string]context.CancelCauseFunc
}

// componentTypes are the types of what a component takes and gives.
type componentTypes struct{ config, outputs cty.Type }

func newServer(p Plugin, trustRoot string, words io.Writer, dialHost func(uint32) (grpc.ClientConnInterface, error)) (*server, error) {
	described, err := p.Describe()
	if err != nil {
		return nil, err
	}
	s := &server{
		plugin: p, described: described, trustRoot: trustRoot, words: words, now: time.Now, dialHost: dialHost,
		types:    make(map[string]componentTypes),
		attempts: make(map[string]context.CancelCauseFunc),
	}
	for _, c := range described.GetComponents() {
		config, err := dynamic.ImpliedType(c.GetConfig())
		if err != nil {
			return nil, fmt.Errorf("component %s: %w", c.GetName(), err)
		}
		outputs, err := dynamic.OutputType(c.GetOutputs())
		if err != nil {
			return nil, fmt.Errorf("component %s: %w", c.GetName(), err)
		}
		s.types[c.GetName()] = componentTypes{config, outputs}
	}
	return s, nil
}

// register adds the services that the plugin has components for.
func (s *server) register(g *grpc.Server) {
	pluginv1.RegisterPluginServiceServer(g, baseService{server: s})
	if len(s.plugin.Builders) > 0 {
		pluginv1.RegisterBuilderServiceServer(g, builderService{server: s})
	}
	if len(s.plugin.Testers) > 0 {
		pluginv1.RegisterTesterServiceServer(g, testerService{server: s})
	}
	if len(s.plugin.Policies) > 0 {
		pluginv1.RegisterPolicyServiceServer(g, policyService{server: s})
	}
	if len(s.plugin.Deployers) > 0 {
		pluginv1.RegisterDeployerServiceServer(g, deployerService{server: s})
	}
}

// baseService answers for the plugin as a whole.
type baseService struct {
	pluginv1.UnimplementedPluginServiceServer
	server *server
}

// Describe introduces the plugin and connects to the host's service.
func (b baseService) Describe(_ context.Context, req *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	s := b.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := req.GetHostService(); id != 0 && s.host == nil && s.dialHost != nil {
		conn, err := s.dialHost(id)
		if err != nil {
			return nil, status.Errorf(codes.Internal, "connect to the runner's service: %v", err)
		}
		s.host = conn
	}
	return s.described, nil
}

// Stop cancels one attempt or all.
func (b baseService) Stop(_ context.Context, req *pluginv1.StopRequest) (*pluginv1.StopResponse, error) {
	cause := errors.New("stopped by the runner")
	if req.GetReason() != "" {
		cause = fmt.Errorf("stopped by the runner: %s", req.GetReason())
	}
	b.server.stop(req.GetAttemptId(), cause)
	return &pluginv1.StopResponse{}, nil
}

func (s *server) stop(attempt string, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, cancel := range s.attempts {
		if attempt == "" || attempt == id {
			cancel(cause)
		}
	}
}

// begin registers an attempt; the returned function ends it.
func (s *server) begin(ctx context.Context, id string) (context.Context, context.CancelCauseFunc, func(), error) {
	ctx, cancel := context.WithCancelCause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.attempts[id]; taken || id == "" {
		cancel(nil)
		return nil, nil, nil, status.Errorf(codes.AlreadyExists, "attempt %q is in flight already", id)
	}
	s.attempts[id] = cancel
	return ctx, cancel, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.attempts, id)
		cancel(nil)
	}, nil
}

// request decodes what all executions have in common.
func (s *server) request(component string, attempt *pluginv1.Attempt, config *pluginv1.DynamicValue) (Request, error) {
	given, err := s.config(component, config)
	if err != nil {
		return Request{}, err
	}
	return Request{Attempt: attemptOf(attempt), Config: given, Host: s.hostFor(attempt.GetId())}, nil
}

// config decodes a configuration. One that was left out has nothing set.
func (s *server) config(component string, wire *pluginv1.DynamicValue) (Config, error) {
	types, ok := s.types[component]
	if !ok {
		return Config{}, status.Errorf(codes.NotFound, "plugin %s has no component %q", s.plugin.Name, component)
	}
	v, err := dynamic.Decode(wire, types.config)
	if err != nil {
		return Config{}, status.Errorf(codes.InvalidArgument, "configuration of %s: %v", component, err)
	}
	if bare, _ := v.Unmark(); bare.IsNull() {
		fields := make(map[string]cty.Value)
		for name, ty := range types.config.AttributeTypes() {
			fields[name] = cty.NullVal(ty)
		}
		v = cty.ObjectVal(fields)
	}
	return NewConfig(v), nil
}

func (s *server) hostFor(attempt string) *Host {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.host == nil {
		return nil
	}
	return &Host{calls: &hostClient{client: pluginv1.NewHostServiceClient(s.host), attempt: attempt}}
}

// validate serves the Validate call of every kind.
func (s *server) validate(ctx context.Context, find func(string) (Component, bool), req *pluginv1.ValidateRequest) (out *pluginv1.ValidateResponse, err error) {
	component, ok := find(req.GetComponent())
	if !ok {
		return nil, status.Errorf(codes.NotFound, "plugin %s has no component %q of this kind", s.plugin.Name, req.GetComponent())
	}
	config, err := s.config(req.GetComponent(), req.GetConfig())
	if err != nil {
		return nil, err
	}
	defer s.confess(&err)
	defer recovered(&err)
	found := component.Validate(ctx, ValidateRequest{Config: config, WorkDir: req.GetWorkDir()})
	out = &pluginv1.ValidateResponse{Diagnostics: diagnosticsWire(found)}
	if c, ok := component.(Cacheable); ok && !found.HasErrors() {
		out.Inputs = inputsWire(c.Inputs(ctx, ValidateRequest{Config: config, WorkDir: req.GetWorkDir()}))
	}
	return out, nil
}

// recovered turns a panic into an error that carries the stack: a bug in one
// component fails its stage and no other.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = &panicError{value: r, stack: debug.Stack()}
	}
}

// confess makes a panic fit for the answer of a call without a stream: the host
// hears what happened, and the stack goes to the plugin's last words.
func (s *server) confess(err *error) {
	if p, ok := errors.AsType[*panicError](*err); ok {
		_, _ = fmt.Fprintln(s.words, text(p.Error(), maxText)) // nowhere else to say it
		*err = status.Error(codes.Internal, text(fmt.Sprintf("the component panicked: %v; this is a bug in the plugin, please report it to its author", p.value), maxLine))
	}
}

// panicError is a bug of a component.
type panicError struct {
	value any
	stack []byte
}

// Error has the stack, for the plugin's author.
func (p *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// named finds a component of one kind.
func named[C Component](components []C) func(string) (C, bool) {
	return func(name string) (C, bool) {
		for _, c := range components {
			if c.Schema().Name == name {
				return c, true
			}
		}
		var none C
		return none, false
	}
}

// asComponent widens the result of named.
func asComponent[C Component](find func(string) (C, bool)) func(string) (Component, bool) {
	return func(name string) (Component, bool) {
		c, ok := find(name)
		return c, ok
	}
}
