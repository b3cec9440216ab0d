package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	configfunction "github.com/stagegate/stagegate/core/config/function"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/zclconf/go-cty/cty/function"
)

// Options say what to parse.
type Options struct {
	// Path is a folder or an .hcl file; empty means the working directory.
	Path string
	// RunnerVersion is checked against runner_version when it is a version.
	RunnerVersion string
}

// Source is a pipeline's files, decoded as far as no plugin is needed. It is
// not changed after Parse.
type Source struct {
	Name        string
	Description string
	Root        string // absolute path of the folder
	Digest      string // "sha256:<hex>" over names and contents of the files

	parsed     bool
	broken     broken
	hints      spelling.Hints
	spend      *budget.Budget // for constants
	header     *hcl.Range     // of the pipeline block
	timeout    time.Duration
	cleanup    time.Duration
	failFast   bool
	plugins    []pipeline.PluginRequirement
	variables  map[string]*Variable
	order      []*Variable // in source order
	locals     map[string]*local
	localOrder []*local // each after those that it uses; empty when there is a cycle
	stages     []*stage // in source order
	byName     map[string]*stage
	files      []*file
	functions  map[string]function.Function
}

// Plugins are the plugins that the pipeline needs, sorted by name.
func (s *Source) Plugins() []pipeline.PluginRequirement { return slices.Clone(s.plugins) }

// Variables are the declared variables in source order.
func (s *Source) Variables() []*Variable { return slices.Clone(s.order) }

// Contents are the files by the name that diagnostics use, for snippets.
func (s *Source) Contents() map[string][]byte {
	out := make(map[string][]byte, len(s.files))
	for _, f := range s.files {
		out[f.shown] = f.data
	}
	return out
}

// Parse reads a pipeline. The Source is never nil: with errors, Load finds the
// rest of them, unless the files could not be read or parsed at all. A pipeline
// with errors must not run.
func Parse(o Options) (*Source, diag.List) {
	root, files, diags := read(o.Path)
	s := &Source{
		Root: root, Digest: digest(files), files: files,
		variables: make(map[string]*Variable), locals: make(map[string]*local), byName: make(map[string]*stage),
		functions: configfunction.Table(root), broken: make(broken), spend: budget.New(budget.Load),
	}
	if diags.HasErrors() {
		return s, diags
	}
	if diags = append(diags, parseAll(files)...); diags.HasErrors() {
		return s, diags.Sorted()
	}
	s.parsed = true
	for _, f := range files {
		s.decode(f.body, o.RunnerVersion, &diags)
	}
	s.requirePipeline(&diags)
	s.requirePlugins()
	s.link(&diags)
	s.meter()
	return s, s.finish(diags)
}

// topLevel are the blocks of the language.
func topLevel() []string { return []string{"pipeline", "plugins", "variable", "locals", "stage"} }

func (s *Source) decode(body *hclsyntax.Body, runnerVersion string, diags *diag.List) {
	for _, a := range sortedAttributes(body) {
		diags.Append(&a.NameRange, fmt.Sprintf("Unsupported argument %q", clip(a.Name)),
			"Outside all blocks there are no arguments. Put values into a locals block.")
	}
	for _, b := range body.Blocks {
		switch b.Type {
		case "pipeline":
			s.decodePipeline(b, runnerVersion, diags)
		case "plugins":
			s.decodePlugins(b, diags)
		case "variable":
			s.decodeVariable(b, diags)
		case "locals":
			s.decodeLocals(b, diags)
		case "stage":
			s.decodeStage(b, diags)
		default:
			diags.Append(&b.TypeRange, fmt.Sprintf("Unsupported block %q", clip(b.Type)),
				spelling.Hint(b.Type, topLevel(), "blocks"))
		}
	}
}

func (s *Source) requirePipeline(diags *diag.List) {
	if len(s.stages) > maxStages {
		diags.Append(&s.stages[maxStages].header, "Too many stages", fmt.Sprintf(
			"There are %d stages; at most %d can run.", len(s.stages), maxStages))
	}
	if s.header != nil {
		return
	}
	diags.Append(nil, "Missing pipeline block", fmt.Sprintf(
		"None of the files in %s names the pipeline. Add pipeline \"name\" {}. %s", s.Root, minimal))
}

// meter makes every expression pay for its evaluation.
func (s *Source) meter() {
	for _, v := range s.order {
		for _, rule := range v.validations {
			rule.condition.Expr, rule.message.Expr = budget.Meter(rule.condition.Expr), budget.Meter(rule.message.Expr)
		}
	}
	for _, l := range s.locals {
		l.expr = budget.Meter(l.expr)
	}
	for _, st := range s.stages {
		for _, a := range []*hclsyntax.Attribute{st.when, st.environment, st.timeout, st.group} {
			if a != nil {
				a.Expr = budget.Meter(a.Expr)
			}
		}
		for _, b := range []*hclsyntax.Block{st.with, st.retry, st.approval} {
			if b != nil {
				meterBody(b.Body)
			}
		}
	}
}

func meterBody(b *hclsyntax.Body) {
	for _, a := range b.Attributes {
		a.Expr = budget.Meter(a.Expr)
	}
	for _, inner := range b.Blocks {
		meterBody(inner.Body)
	}
}
