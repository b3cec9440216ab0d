package operator

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/config/guard"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/gate"
	"github.com/stagegate/stagegate/core/module"
	"github.com/stagegate/stagegate/core/notify"
	"github.com/stagegate/stagegate/core/secret"
)

// Config is the operator's configuration. The zero value is a good one.
type Config struct {
	Home        string   // where state is kept; empty means the default
	Parallelism int      // stages at once; 0 means the default
	PluginPath  []string // further folders with plugins, absolute
	PassEnv     []string // variables that plugins and commands get
	// ModuleSources are the addresses that modules may come from. Empty means
	// the default of core/module.
	ModuleSources []string
	// DecisionLifetime is how long a decision allows its plan; 0 means the
	// default.
	DecisionLifetime time.Duration
	// PolicyTimeout is how long one policy may take; 0 means the default.
	PolicyTimeout time.Duration
	Cache         Cache
	// Policies govern every deployer stage. Empty means the built-in bundle.
	Policies []Policy
	// Secrets are those that pipelines may ask for, and OwnSecrets those that a
	// target or mark needs: they are the runner's alone.
	Secrets    map[string]secret.Source
	OwnSecrets map[string]secret.Source
	// Scopes say which pushes may use which secret. One that has none is for all.
	Scopes  map[string]Scope
	Facts   []Fact // that the operator answers for
	Waivers []gate.Waiver
	// Approvals say who may approve deployments.
	Approvals Approvals
	// Targets are where messages can go, Notify who is told when, and Marks where
	// commits are marked.
	Targets []notify.Target
	Notify  []notify.Rule
	Marks   []notify.Mark
	// RunURL is the address of a page about a run, in which {run} stands for its
	// id; empty means that there is none.
	RunURL string
	// Sources are the files by name, for messages.
	Sources map[string][]byte
}

// Policy is one policy of the operator.
type Policy struct {
	Name string
	Uses string   // component, for example policy.opa
	With hcl.Body // its configuration; decoded once its schema is known
	// Range is the header of the block.
	Range hcl.Range
}

type fileConfig struct {
	Home        *string        `hcl:"home"`
	Parallelism *int           `hcl:"parallelism"`
	PluginPath  []string       `hcl:"plugin_path,optional"`
	PassEnv     []string       `hcl:"pass_env,optional"`
	Modules     []string       `hcl:"module_sources,optional"`
	Decision    *fileDecision  `hcl:"decision,block"`
	Cache       *fileCache     `hcl:"cache,block"`
	Policies    []filePolicy   `hcl:"policy,block"`
	Secrets     []fileSecret   `hcl:"secret,block"`
	Facts       []fileFact     `hcl:"fact,block"`
	Waivers     []fileWaiver   `hcl:"waiver,block"`
	Approvals   *fileApprovals `hcl:"approvals,block"`
	RunURL      *string        `hcl:"run_url"`
	Targets     []fileTarget   `hcl:"target,block"`
	Notify      []fileNotify   `hcl:"notify,block"`
	Marks       []fileMark     `hcl:"mark,block"`
}

type fileDecision struct {
	Lifetime *string `hcl:"lifetime"`
	Timeout  *string `hcl:"policy_timeout"`
}

type filePolicy struct {
	Name  string    `hcl:"name,label"`
	Uses  string    `hcl:"uses"`
	With  *withBody `hcl:"with,block"`
	Range hcl.Range `hcl:",def_range"`
}

type withBody struct {
	Body hcl.Body `hcl:",remain"`
}

// Parse reads a configuration.
func Parse(src []byte, filename string) (*Config, diag.List) {
	body, diags := guard.Parse(filename, src)
	if diags.HasErrors() {
		return nil, diags
	}
	budget.MeterBody(body)
	constants := NewConstants()
	var in fileConfig
	found := gohcl.DecodeBody(body, constants.ctx, &in)
	if constants.spend.Exhausted() {
		return nil, tooExpensive(body.SrcRange)
	}
	if found.HasErrors() {
		return nil, diag.FromHCL(found)
	}
	out := &Config{
		PluginPath: in.PluginPath, PassEnv: in.PassEnv, ModuleSources: in.Modules,
		Secrets: make(map[string]secret.Source), OwnSecrets: make(map[string]secret.Source), Scopes: make(map[string]Scope),
		Sources: map[string][]byte{filename: src},
	}
	top := attributeRanges(body)
	out.takeScalars(in, top, &diags)
	out.takeCache(in.Cache, &diags)
	out.takePolicies(in.Policies, &diags)
	out.takeSecrets(in.Secrets, &diags)
	out.takeFacts(in.Facts, constants, &diags)
	out.takeWaivers(in.Waivers, &diags)
	out.takeApprovals(in.Approvals, &diags)
	out.takeTargets(in.Targets, &diags)
	out.takeNotify(in.Notify, &diags)
	out.takeMarks(in.Marks, &diags)
	return out, diags.Sorted()
}

func attributeRanges(body hcl.Body) map[string]*hcl.Range {
	attrs, _ := body.JustAttributes() // blocks are reported as errors here, and read elsewhere
	out := make(map[string]*hcl.Range, len(attrs))
	for name, a := range attrs {
		out[name] = a.Expr.Range().Ptr()
	}
	return out
}

func (c *Config) takeScalars(in fileConfig, at map[string]*hcl.Range, diags *diag.List) {
	if in.Home != nil {
		c.Home = *in.Home
		if !filepath.IsAbs(c.Home) {
			diags.Append(at["home"], "Path is not absolute", "State is kept in one place, whatever folder the runner is started in: write the whole path.")
		}
	}
	if in.Parallelism != nil {
		c.Parallelism = *in.Parallelism
		if c.Parallelism < 1 || c.Parallelism > 1024 {
			diags.Append(at["parallelism"], "Parallelism out of range", "Write a number from 1 to 1024.")
		}
	}
	for _, dir := range c.PluginPath {
		if !filepath.IsAbs(dir) {
			diags.Append(at["plugin_path"], "Path is not absolute", fmt.Sprintf("Plugins are never looked for relative to the working folder, where anybody's commit could put one: write %q as a whole path.", dir))
		}
	}
	for _, name := range c.PassEnv {
		if !isVariable(name) {
			diags.Append(at["pass_env"], "Not the name of a variable", fmt.Sprintf("%q cannot be the name of an environment variable.", name))
		}
	}
	for _, prefix := range c.ModuleSources {
		if err := module.CheckPrefix(prefix); err != nil {
			diags.Append(at["module_sources"], "Not the beginning of an address", fmt.Sprintf("Modules cannot come from %q: %v.", prefix, err))
		}
	}
	if in.RunURL != nil {
		c.RunURL = *in.RunURL
		if u, err := url.Parse(c.RunURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			diags.Append(at["run_url"], "Not an address", `Write the address of a page in which {run} stands for the run, for example "https://ci.example.com/runs/{run}".`)
		}
	}
	if in.Decision != nil {
		c.takeDecision(*in.Decision, diags)
	}
}

func (c *Config) takeDecision(in fileDecision, diags *diag.List) {
	if in.Lifetime != nil {
		lifetime, err := time.ParseDuration(*in.Lifetime)
		if err != nil || lifetime < time.Minute || lifetime > 7*24*time.Hour {
			diags.Append(nil, "Lifetime of decisions out of range", fmt.Sprintf("decision.lifetime is %q; write a duration from 1m to 168h.", *in.Lifetime))
		}
		c.DecisionLifetime = lifetime
	}
	if in.Timeout != nil {
		timeout, err := time.ParseDuration(*in.Timeout)
		if err != nil || timeout < time.Second || timeout > 10*time.Minute {
			diags.Append(nil, "Time of policies out of range", fmt.Sprintf("decision.policy_timeout is %q; write a duration from 1s to 10m.", *in.Timeout))
		}
		c.PolicyTimeout = timeout
	}
}

func (c *Config) takePolicies(in []filePolicy, diags *diag.List) {
	seen := make(map[string]bool)
	for _, p := range in {
		if seen[p.Name] {
			diags.Append(p.Range.Ptr(), "Duplicate policy", fmt.Sprintf("There is another policy %q.", p.Name))
		}
		seen[p.Name] = true
		policy := Policy{Name: p.Name, Uses: p.Uses, With: hcl.EmptyBody(), Range: p.Range}
		if p.With != nil {
			policy.With = p.With.Body
		}
		c.Policies = append(c.Policies, policy)
	}
}

// isVariable reports whether a text can be the name of an environment variable.
func isVariable(name string) bool {
	return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name)
}
