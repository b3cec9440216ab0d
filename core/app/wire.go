package app

import (
	"context"
	"fmt"
	"os/user"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/body"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/gate"
	"github.com/stagegate/stagegate/core/operator"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/pluginhost"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/runstate"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// closeGrace bounds how long plugins may take to end with the runner.
const closeGrace = 10 * time.Second

// pluginOptions say where plugins and their descriptions are.
func (a *app) pluginOptions(s *session) pluginhost.Options {
	search := a.env("RUNNER_PLUGIN_PATH")
	for _, dir := range s.operator.PluginPath {
		if search != "" {
			search += string(filepath.ListSeparator)
		}
		search += dir
	}
	return pluginhost.Options{
		RunnerDir: filepath.Dir(a.Executable), SearchPath: search, CacheDir: s.path("cache", "plugins"), Version: Version,
	}
}

// pluginHost makes the host of plugins. Without a store, plugins get no blobs:
// that is enough to describe and validate.
func (a *app) pluginHost(ctx context.Context, s *session, blobs runstate.Blobs, masks *redact.Redactor) (*pluginhost.Host, error) {
	options := a.pluginOptions(s)
	options.Environ, options.PassEnv, options.TrustRoot = a.Environ, s.operator.PassEnv, s.trustRoot()
	options.Redact, options.Secrets = masks.Text, s.secrets(a.lookupEnv, masks)
	if blobs != nil {
		options.Blobs = blobs
	}
	host, err := pluginhost.New(ctx, options)
	if err != nil {
		return nil, usage(fmt.Errorf("prepare plugins: %w", err))
	}
	return host, nil
}

// closeHost ends all plugins, also when ctx has ended.
func (a *app) closeHost(ctx context.Context, host *pluginhost.Host, err *error) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	defer cancel()
	a.closing(err, host.Close(bounded))
}

// endAtOnce closes the host when the second signal comes: the attempts in
// flight end with their plugins. The function that it returns ends the watch.
func (a *app) endAtOnce(ctx context.Context, host *pluginhost.Host) func() {
	return a.endWith(ctx, a.interrupts.abort, host)
}

// endWith closes the host when abort ends, until the function that it returns
// is called.
func (a *app) endWith(ctx, abort context.Context, host *pluginhost.Host) func() {
	done := make(chan struct{})
	stop := context.AfterFunc(abort, func() {
		defer close(done)
		var err error
		a.closeHost(ctx, host, &err)
		a.complain(err)
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// gate makes the gate with the operator's policies.
func (a *app) gate(ctx context.Context, s *session, host *pluginhost.Host, votes votesOf) (*gate.Gate, error) {
	policies, err := a.policies(ctx, s, describing(host))
	if err != nil {
		return nil, err
	}
	return a.gateOf(s, host, votes, policies)
}

// gateOf makes the gate with given policies.
func (a *app) gateOf(s *session, host *pluginhost.Host, votes votesOf, policies []gate.Policy) (*gate.Gate, error) {
	var declared []gate.Declaration
	for _, f := range s.operator.Facts {
		declared = append(declared, gate.Declaration(f))
	}
	return gate.New(host, gate.Options{
		Declared: declared, Waivers: s.operator.Waivers, Groups: groups(), Blob: s.document, Approvals: s.approvals(votes),
		KeyFile: s.decisionKey(), TrustRoot: s.trustRoot(), Policies: policies,
		Actor: actor(), Version: Version, Expiry: s.operator.DecisionLifetime, Timeout: s.operator.PolicyTimeout,
		Describe: describing(host), Now: now,
	})
}

// describing finds the schema of a component.
func describing(host *pluginhost.Host) func(context.Context, pipeline.ComponentRef) (*pluginv1.Component, error) {
	return func(ctx context.Context, c pipeline.ComponentRef) (*pluginv1.Component, error) {
		d, _, err := host.Describe(ctx, c.Plugin)
		if err != nil {
			return nil, err
		}
		for _, component := range d.GetComponents() {
			if component.GetName() == c.Name {
				return component, nil
			}
		}
		return nil, fmt.Errorf("plugin %s has no component %q", c.Plugin, c.Name)
	}
}

// policies decodes the operator's policies by their components' schemas.
func (a *app) policies(ctx context.Context, s *session, describe func(context.Context, pipeline.ComponentRef) (*pluginv1.Component, error)) ([]gate.Policy, error) {
	var out []gate.Policy
	var diags diag.List
	for _, p := range s.operator.Policies {
		ref, ok := pipeline.ParseComponentRef(p.Uses)
		if !ok {
			diags.Append(&p.Range, "Not a component", fmt.Sprintf("uses = %q is not of the form plugin.component.", p.Uses))
			continue
		}
		component, err := describe(ctx, ref)
		if err != nil {
			diags.Append(&p.Range, "Policy cannot be used", err.Error())
			continue
		}
		if component.GetKind() != pluginv1.Kind_KIND_POLICY {
			diags.Append(&p.Range, "Not a policy", fmt.Sprintf("%s is a component of another kind.", ref))
			continue
		}
		spec, err := body.Compile(component.GetConfig())
		if err != nil {
			return nil, fmt.Errorf("read the schema of %s: %w", ref, err)
		}
		with, _ := p.With.(*hclsyntax.Body) // nil when the block is left out
		v, found := spec.Decode(body.Source{Body: with, Header: p.Range, What: ref.String()}, operator.NewConstants())
		diags = append(diags, found...)
		out = append(out, gate.Policy{Component: ref, Config: v})
	}
	if diags.HasErrors() {
		return nil, a.refuse(diags, s.operator.Sources)
	}
	return out, nil
}

// groups are those of the account that runs this; nil when the machine does not
// say.
func groups() []string {
	u, err := user.Current()
	if err != nil {
		return nil
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		if g, err := user.LookupGroupId(id); err == nil {
			names = append(names, g.Name)
		}
	}
	return names
}

// actor is who runs this, as far as the machine knows.
func actor() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}
