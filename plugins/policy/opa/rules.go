package opa

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// rulesRoot is the first part of every package with rules.
const rulesRoot = "stagegate"

// Names of rules that judge.
const (
	denyName = "deny"
	warnName = "warn"
)

// What a rule judges. One that judges deployments has nothing to say when
// nothing is deployed.
const (
	judgesDeployment = "deployment"
	judgesArtifact   = "artifact"
)

// Rule is what a rule's METADATA says.
type Rule struct {
	ID          string
	Group       string // last part of its package
	Title       string
	Description string
	Severity    string
	Remedy      string
	Controls    []string
	Facts       []string // that it rests on
	Judges      string   // deployment or artifact
	Denies      bool     // at least one of its bodies is a deny
	Warns       bool
}

// ruleSet is all rules of a bundle by identity, and the documents to query.
type ruleSet struct {
	byID      map[string]*Rule
	bodies    map[body]*Rule
	documents []document
}

// body is one rule in one document: what a rule warns of may weigh less than
// what it denies.
type body struct {
	document
	id string
}

// document is one set of results: all denials, or warnings, of a group.
type document struct{ group, name string }

// collectRules finds the rules of parsed modules, and what is wrong with them.
func collectRules(modules map[string]*ast.Module) (ruleSet, error) {
	set := ruleSet{byID: make(map[string]*Rule), bodies: make(map[body]*Rule)}
	seen := make(map[document]bool)
	annotated, found := ast.BuildAnnotationSet(slices.Collect(maps.Values(modules)))
	if len(found) > 0 {
		return set, found
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		for _, r := range modules[name].Rules {
			ruleName := strings.Trim(r.Head.Ref()[0].Value.String(), `"`)
			if !judging(ruleName) {
				continue
			}
			d, err := documentOf(modules[name].Package, ruleName, r)
			if err == nil {
				err = set.add(d, annotated.GetRuleScope(r))
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: %w", name, r.Location.Row, err))
				continue
			}
			if !seen[d] {
				seen[d] = true
				set.documents = append(set.documents, d)
			}
		}
	}
	slices.SortFunc(set.documents, func(a, b document) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.name, b.name))
	})
	return set, errors.Join(errs...)
}

// judging reports whether a rule of that name is meant to judge. Names that
// other tools take for denials are among them, so that they are not overlooked.
func judging(name string) bool {
	for _, prefix := range []string{denyName, warnName, "violation", "allow"} {
		if name == prefix || strings.HasPrefix(name, prefix+"_") {
			return true
		}
	}
	return false
}

func documentOf(pkg *ast.Package, name string, r *ast.Rule) (document, error) {
	if name != denyName && name != warnName {
		return document{}, fmt.Errorf("a rule named %s has no meaning here: name it deny or warn", name)
	}
	path := pkg.Path // data.stagegate.<group>
	if len(path) != 3 || !path[1].Equal(ast.StringTerm(rulesRoot)) {
		return document{}, fmt.Errorf("%s stands in %s, where it is never evaluated: rules belong in package %s.<group>", name, pkg, rulesRoot)
	}
	if r.Head.RuleKind() != ast.MultiValue || len(r.Head.Reference) > 1 {
		return document{}, fmt.Errorf("%s must be a set: write `%s contains result if { … }`", name, name)
	}
	group, ok := path[2].Value.(ast.String)
	if !ok {
		return document{}, fmt.Errorf("%s has no name", pkg)
	}
	return document{group: string(group), name: name}, nil
}

func (s *ruleSet) add(d document, annotations []*ast.Annotations) error {
	if len(annotations) == 0 {
		return errors.New("a rule needs a METADATA block with custom.id")
	}
	rule, err := ruleOf(d, annotations[len(annotations)-1])
	if err != nil {
		return err
	}
	if _, ok := s.bodies[body{d, rule.ID}]; !ok {
		own := *rule
		s.bodies[body{d, rule.ID}] = &own
	}
	known, ok := s.byID[rule.ID]
	if !ok {
		s.byID[rule.ID] = rule
		return nil
	}
	if known.Group != rule.Group {
		return fmt.Errorf("the rule %s is also in group %s", rule.ID, known.Group)
	}
	known.Denies = known.Denies || rule.Denies
	known.Warns = known.Warns || rule.Warns
	return nil
}

func ruleOf(d document, a *ast.Annotations) (*Rule, error) {
	r := &Rule{
		Group: d.group, Title: a.Title, Description: a.Description,
		Denies: d.name == denyName, Warns: d.name == warnName,
	}
	text := func(name string) string {
		s, _ := a.Custom[name].(string)
		return s
	}
	list := func(name string) []string {
		var out []string
		values, _ := a.Custom[name].([]any)
		for _, v := range values {
			out = append(out, fmt.Sprint(v))
		}
		return out
	}
	r.ID, r.Severity, r.Remedy = text("id"), text("severity"), text("remedy")
	r.Controls, r.Facts = list("controls"), list("facts")
	r.Judges = cmp.Or(text("judges"), judgesArtifact)
	switch {
	case r.ID == "":
		return nil, errors.New("its METADATA has no custom.id")
	case r.Judges != judgesDeployment && r.Judges != judgesArtifact:
		return nil, fmt.Errorf("custom.judges of %s is %q, neither %s nor %s", r.ID, r.Judges, judgesDeployment, judgesArtifact)
	}
	return r, nil
}

// evaluated are the identities of the rules that have something to say about an
// input, sorted.
func (s *ruleSet) evaluated(deploys bool) []string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(s.byID)) {
		if deploys || s.byID[id].Judges == judgesArtifact {
			out = append(out, id)
		}
	}
	return out
}
