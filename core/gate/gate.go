package gate

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// Defaults of Options.
const (
	DefaultExpiry  = time.Hour
	DefaultTimeout = 30 * time.Second
)

// Options is what the operator decides.
type Options struct {
	KeyFile   string // the runner's private key, made when it is first needed
	TrustRoot string // the public keys that deployers trust
	// Policies govern every deployment. None means the built-in bundle of
	// policy.opa.
	Policies []Policy
	Declared []Declaration
	Waivers  []Waiver
	// Approvals say who may approve.
	Approvals Approvals
	Actor     string        // who runs this, for the input; empty means not known
	Groups    []string      // of who runs this; nil means not known
	Version   string        // of the runner
	Expiry    time.Duration // of a decision; 0 means DefaultExpiry
	Timeout   time.Duration // of one policy; 0 means DefaultTimeout
	// Describe is the schema of a component.
	Describe func(context.Context, pipeline.ComponentRef) (*pluginv1.Component, error)
	// Blob is a stored document, for statements about artifacts; nil means that
	// there are none.
	Blob func(ctx context.Context, digest string) ([]byte, error)
	Now  func() time.Time
}

// Policy is one policy of the operator.
type Policy struct {
	Component pipeline.ComponentRef
	// Config is its `with` block, an object; what is not in it is left out. cty.NilVal
	// means an empty one.
	Config cty.Value
}

// Gate implements engine.Gate. Its method may be called from several
// goroutines.
type Gate struct {
	opts    Options
	plugins engine.Plugins
	schema  schema
	keys    keyring
	bundles bundles
}

var _ engine.Gate = (*Gate)(nil)

// New checks the options; it touches no file.
func New(plugins engine.Plugins, opts Options) (*Gate, error) {
	switch {
	case opts.KeyFile == "" || opts.TrustRoot == "":
		return nil, errors.New("open gate: the files of key and trust root are not named")
	case opts.Now == nil || opts.Describe == nil || plugins == nil:
		return nil, errors.New("open gate: clock, schemas and plugins are required")
	}
	opts.Expiry = cmp.Or(opts.Expiry, DefaultExpiry)
	opts.Timeout = cmp.Or(opts.Timeout, DefaultTimeout)
	if len(opts.Policies) == 0 {
		opts.Policies = []Policy{{Component: pipeline.ComponentRef{Plugin: "policy", Name: "opa"}}}
	}
	s, err := newSchema()
	if err != nil {
		return nil, err
	}
	return &Gate{
		opts: opts, plugins: plugins, schema: s,
		keys: keyring{private: opts.KeyFile, public: opts.TrustRoot},
	}, nil
}

// Decide implements engine.Gate.
func (g *Gate) Decide(ctx context.Context, req engine.DecisionRequest) (*engine.Decision, error) {
	if req.Attempt == nil {
		return nil, errors.New("decide: the request has no attempt")
	}
	now := g.opts.Now().UTC()
	v := newVerdict(req)
	in, input, err := g.prepare(ctx, req, now)
	if err != nil {
		v.fail("", err)
		return &engine.Decision{Event: v.event()}, nil
	}
	for _, call := range g.calls(ctx, req, v) {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		resp, err := g.evaluate(ctx, req, call, input)
		if err == nil {
			err = g.bundles.same(call, resp)
		}
		v.add(call, resp, err)
	}
	if ctx.Err() != nil { // stopped, which is nobody's verdict
		return nil, context.Cause(ctx)
	}
	v.waive(in)
	d := &engine.Decision{Event: v.event(), Input: input}
	if v.allows() && req.Stage != nil {
		return d, g.sign(d, v, req, input, now)
	}
	return d, nil
}

// prepare is the input of a request that makes sense, and its checked bytes.
func (g *Gate) prepare(ctx context.Context, req engine.DecisionRequest, now time.Time) (*Input, []byte, error) {
	if err := checkPlan(req); err != nil {
		return nil, nil, err
	}
	in, err := g.collect(ctx, req, now)
	if err != nil {
		return nil, nil, err
	}
	data, err := g.schema.encode(in)
	return in, data, err
}
