package config

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
)

// Options say what to parse.
type Options struct {
	// Path is a folder or an .hcl file; empty means the working directory.
	Path string
	// RunnerVersion is checked against runner_version when it is a version.
	RunnerVersion string
	// Modules finds modules that are not in the pipeline's tree; nil means that
	// there are none.
	Modules Modules
	// Snapshot is what Source.Snapshot gave. The pipeline is then what it was,
	// whatever is at Path by now.
	Snapshot []byte
}

// Source is a pipeline's files, decoded as far as no plugin is needed. It is
// not changed after Parse.
type Source struct {
	Name        string
	Description string
	Root        string // absolute path of the folder
	Digest      string // "sha256:<hex>" over names and contents of all files

	parsed    bool
	broken    broken
	hints     spelling.Hints
	constants constants
	header    *hcl.Range // of the pipeline block
	timeout   time.Duration
	cleanup   time.Duration
	failFast  bool
	plugins   []pipeline.PluginRequirement
	notify    []pipeline.Notify
	reader    *reader
	root      *module
	modules   []*module  // all, the root first, each before those inside it
	ordered   bool       // names do not wait for each other
	bindings  []*binding // of all modules, each after those that it uses; empty when there is a cycle
	stages    int        // blocks, of all modules
	count     int        // module blocks, as they are read
}

// Plugins are the plugins that the pipeline needs, sorted by name.
func (s *Source) Plugins() []pipeline.PluginRequirement { return slices.Clone(s.plugins) }

// Variables are the declared variables in source order.
func (s *Source) Variables() []*Variable { return slices.Clone(s.root.order) }

// Contents are the files by the name that diagnostics use, for snippets.
func (s *Source) Contents() map[string][]byte {
	out := make(map[string][]byte)
	for _, folder := range s.reader.order {
		for _, f := range folder.files {
			out[f.shown] = f.data
		}
	}
	return out
}

// Parse reads a pipeline. The Source is never nil: with errors, Load finds the
// rest of them, unless the files could not be read or parsed at all. A pipeline
// with errors must not run.
func Parse(o Options) (*Source, diag.List) {
	s := &Source{broken: make(broken), constants: constants{budget.New(budget.Load)}, reader: &reader{
		modules: o.Modules, record: newSnapshot("."), known: make(map[string]*folder), failed: make(map[string]error),
	}}
	s.root = newModule(s, place{tree: &tree{}})
	defer s.reader.record.load()()
	diags := s.open(o)
	if diags.HasErrors() {
		return s, diags.Sorted()
	}
	s.parsed = true
	s.decodeRoot(o.RunnerVersion, &diags)
	s.modules = s.root.all()
	s.Digest = digest(s.reader.order)
	s.requirePipeline(&diags)
	s.requirePlugins()
	s.link(&diags)
	s.meter()
	return s, s.finish(diags)
}

// open finds and reads the pipeline's own files.
func (s *Source) open(o Options) (diags diag.List) {
	at, names, err := s.reader.locate(o)
	if err != nil {
		diags.Append(nil, "No pipeline found", err.Error())
		return diags
	}
	s.Root, s.reader.record.Dir = at.folder(), at.dir
	s.root = newModule(s, at)
	s.root.read, s.root.functions = true, s.functionsOf(s.root)
	var within *os.Root
	if s.reader.from == nil {
		if within, err = os.OpenRoot(s.Root); err != nil {
			diags.Append(nil, "No pipeline found", fmt.Sprintf("%s cannot be opened: %v.", s.Root, cause(err)))
			return diags
		}
		defer func() { _ = within.Close() }() // read only: nothing can be lost
	}
	folder := s.reader.open(at, within, ".", names)
	if within != nil {
		folder.info, _ = within.Stat(".") // nil compares with nothing
	}
	s.root.folder = folder
	s.Digest = digest(s.reader.order)
	return folder.diags
}

// topLevel are the blocks of the language.
func topLevel() []string {
	return []string{"pipeline", "plugins", "variable", "locals", "stage", "module", "notify"}
}

// decodeRoot decodes the pipeline's own files, and those of its modules.
func (s *Source) decodeRoot(runnerVersion string, diags *diag.List) {
	for _, f := range s.reader.order[0].files {
		for _, b := range f.body.Blocks {
			switch b.Type {
			case "pipeline":
				s.decodePipeline(b, runnerVersion, diags)
			case "plugins":
				s.decodePlugins(b, diags)
			case "notify":
				s.decodeNotify(b, diags)
			case "output":
				diags.Append(&b.TypeRange, "An output outside a module",
					"An output is what a module gives to the one who uses it, and nobody uses the pipeline itself. Use a local.")
			default:
				s.root.decodeBlock(b, topLevel(), diags)
			}
		}
		s.root.decodeArguments(f, diags)
	}
	s.root.decodeModules(diags)
}

// decodeBlock decodes a block that the pipeline and modules may have alike.
func (m *module) decodeBlock(b *hclsyntax.Block, known []string, diags *diag.List) {
	switch b.Type {
	case "variable":
		m.decodeVariable(b, diags)
	case "locals":
		m.decodeLocals(b, diags)
	case "stage":
		m.decodeStage(b, diags)
	case "module":
		m.decodeCall(b, diags)
	default:
		diags.Append(&b.TypeRange, fmt.Sprintf("Unsupported block %q", clip(b.Type)), spelling.Hint(b.Type, known, "blocks"))
	}
}

func (m *module) decodeArguments(f *file, diags *diag.List) {
	for _, a := range sortedAttributes(f.body) {
		diags.Append(&a.NameRange, fmt.Sprintf("Unsupported argument %q", clip(a.Name)),
			"Outside all blocks there are no arguments. Put values into a locals block.")
	}
}

func (s *Source) requirePipeline(diags *diag.List) {
	if s.header != nil {
		return
	}
	diags.Append(nil, "Missing pipeline block", fmt.Sprintf(
		"None of the files in %s names the pipeline. Add pipeline \"name\" {}. %s", s.Root, minimal))
}
