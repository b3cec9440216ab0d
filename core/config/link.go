package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
)

// usage is where an expression stands, and so what it may use.
type usage struct {
	roots []string // names that may be used
	why   string   // others may not
}

const (
	whyEarly = "This is needed before the run starts, so it cannot use what a stage makes, or a secret."
	whyEach  = "It decides which stages there are, so it is needed before there is a run, and cannot use what a stage makes, or a secret."
)

func anywhere() usage {
	return usage{roots: []string{"var", "local", "stage", "module", "run", "git", "path"}}
}

func beforeRun() usage {
	return usage{roots: []string{"var", "local", "module", "run", "git", "path"}, why: whyEarly}
}

func beforeInstances() usage {
	return usage{roots: []string{"var", "local", "module", "git", "path"}, why: whyEach}
}

func inValidation() usage {
	return usage{
		roots: []string{"var", "run", "git", "path"},
		why:   "A validation is checked before locals and stages have values. Use variables.",
	}
}

// and is a usage with further names.
func (u usage) and(names ...string) usage {
	u.roots = append(u.roots[:len(u.roots):len(u.roots)], names...)
	return u
}

// link resolves all references, and finds cycles.
func (s *Source) link(diags *diag.List) {
	for _, m := range s.modules {
		m.link(diags)
	}
	if !s.sort(diags) {
		return
	}
	for _, m := range s.modules {
		for _, st := range m.stages {
			st.refuseLate(st.early, whyEarly, diags)
			st.refuseLate(st.eachRefs, whyEach, diags)
		}
	}
}

func (m *module) link(diags *diag.List) {
	for _, v := range m.order {
		for i := range v.validations {
			rule := &v.validations[i]
			rule.refs = &references{}
			rule.refs.collect(rule.condition.Expr)
			rule.refs.collect(rule.message.Expr)
			m.resolve(rule.refs, inValidation(), diags)
		}
	}
	for _, b := range m.bindings {
		b.refs = &references{}
		b.refs.collect(b.expr)
		b.module.resolve(b.refs, anywhere(), diags)
	}
	for _, need := range m.needs {
		m.parent.resolveName(need, anywhere(), diags)
	}
	for _, st := range m.stages {
		st.link(diags)
	}
}

func (st *stage) link(diags *diag.List) {
	st.refs, st.early, st.eachRefs = &references{}, &references{}, &references{}
	collect := func(into *references, args ...*hclsyntax.Attribute) {
		for _, a := range args {
			if a != nil {
				into.collect(a.Expr)
			}
		}
	}
	collect(st.refs, st.when, st.environment)
	collect(st.early, st.timeout, st.group)
	collect(st.eachRefs, st.forEach)
	if st.with != nil {
		st.refs.collectBody(st.with.Body)
	}
	for _, b := range []*hclsyntax.Block{st.retry, st.approval} {
		if b != nil {
			st.early.collectBody(b.Body)
		}
	}
	own := func(u usage) usage {
		if st.forEach != nil {
			u = u.and("each")
		}
		return u
	}
	m := st.module
	for i := range st.needs {
		m.resolveName(st.needs[i], anywhere(), diags)
		st.early.collect(st.needs[i].index)
	}
	m.resolve(st.refs, own(anywhere()), diags)
	m.resolve(st.early, own(beforeRun()), diags)
	m.resolve(st.eachRefs, beforeInstances(), diags)
	for _, c := range st.conditions {
		var used references
		collect(&used, c.condition, c.message)
		where := own(anywhere())
		if c.after {
			where = where.and("self")
		}
		m.resolve(&used, where, diags)
		st.refs.names = append(st.refs.names, used.names...)
		st.refs.calls = append(st.refs.calls, used.calls...)
		st.refs.secrets = append(st.refs.secrets, used.secrets...)
	}
	st.refs.distinguish()
}

// refuseLate reports references to what is known only while the pipeline runs.
func (st *stage) refuseLate(r *references, why string, diags *diag.List) {
	for _, ref := range r.distinct {
		for _, b := range st.module.named(ref) {
			if b.late {
				st.module.source.broken.at(ref.rng)
				diags.Append(ref.rng.Ptr(), fmt.Sprintf("%q cannot be used here", ref.shown()), why)
				break
			}
		}
	}
}

// shown is a reference in the words of the language, as far as names go.
func (r reference) shown() string {
	text := r.root + "." + r.name
	if r.output != "" && r.root == "module" {
		text += "." + r.output
	}
	return text
}
