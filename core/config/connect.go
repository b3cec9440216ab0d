package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/zclconf/go-cty/cty"
)

// maxNeeds bounds how often stages wait for each other.
const maxNeeds = 500_000

// selection is which instances of which blocks references read.
type selection map[*stage][]*prepared

// names are those of the selected stages.
func (s selection) names() []string {
	var out []string
	for _, instances := range s {
		for _, p := range instances {
			out = append(out, p.name)
		}
	}
	return out
}

// connect finds out what each stage needs and reads. What is the same for all
// instances of a block is found once.
func (e *Evaluator) connect(spend *budget.Budget, diags *diag.List) {
	total := 0
	e.source.root.walk(func(st *stage) bool {
		total += e.connectBlock(e.blocks[st], maxNeeds-total, spend, diags)
		switch {
		case spend.Exhausted():
			*diags = append(*diags, tooExpensive(st.header)...)
			return false
		case total > maxNeeds:
			*diags = append(*diags, diag.Diagnostic{
				Severity: diag.Error, Summary: "Too many dependencies", Cause: "needs", Subject: &st.header,
				Detail: fmt.Sprintf("Up to here stages wait for each other more than %d times in all. Let instances need one stage that needs the others, or the instance with their own key.", maxNeeds),
			})
			return false
		}
		return true
	})
}

// connectBlock connects the instances of a block, until they need more than
// room, and counts what they need.
func (e *Evaluator) connectBlock(b *block, room int, spend *budget.Budget, diags *diag.List) int {
	m := b.module
	b.checkWatches(diags)
	reads, ownReads := e.byInstance(m, b.refs.distinct)
	needs, ownNeeds := e.byInstance(m, b.needs)
	shared := prepared{block: b, reads: e.selects(m, reads, each{}, spend, diags)}
	names := append(shared.reads.names(), e.selects(m, needs, each{}, spend, diags).names()...)
	secrets := slices.Clone(b.refs.secrets)
	for _, l := range b.late {
		names = append(names, e.reads[l].names()...)
		secrets = append(secrets, l.refs.secrets...)
	}
	for around := m; around.parent != nil; around = around.parent {
		names = append(names, e.selects(around.parent, around.needs, each{}, spend, diags).names()...)
	}
	shared.needs, shared.secrets = slices.Clip(distinct(names)), slices.Clip(distinct(secrets))
	count := 0
	for _, p := range b.all() {
		p.reads, p.needs, p.secrets = shared.reads, shared.needs, shared.secrets
		if len(ownReads)+len(ownNeeds) > 0 {
			own := e.selects(m, ownReads, p.each, spend, diags)
			p.reads = merged(shared.reads, own)
			p.needs = distinct(slices.Concat(shared.needs, own.names(), e.selects(m, ownNeeds, p.each, spend, diags).names()))
		}
		if count += len(p.needs); count > room || spend.Exhausted() {
			break
		}
	}
	return count
}

// checkWatches refuses a stage that waits for how others end, and has no others.
func (b *block) checkWatches(diags *diag.List) {
	if b.run == pipeline.OnSuccess || b.run == pipeline.Always || b.badNeeds || len(b.needs)+len(b.late) > 0 {
		return
	}
	for around := b.module; around.parent != nil; around = around.parent {
		if len(around.needs) > 0 {
			return
		}
	}
	if slices.ContainsFunc(b.refs.names, func(ref reference) bool { return ref.root == "stage" || ref.root == "module" }) {
		return
	}
	diags.Append(&b.runAt, "This stage would never run", fmt.Sprintf(
		"With run = %q it looks at how the stages that it needs have ended, and it needs none. Name those that it is about, for example needs = [stage.evaluate].", b.run))
}

// all are the instances, or what is checked in their place.
func (b *block) all() []*prepared {
	if b.ghost != nil {
		return []*prepared{b.ghost}
	}
	return b.instances
}

// merged are two selections in one.
func merged(a, b selection) selection {
	if len(a) == 0 {
		return b
	}
	out := maps.Clone(a)
	for st, more := range b {
		for _, p := range more {
			if !slices.Contains(out[st], p) {
				out[st] = append(slices.Clip(out[st]), p)
			}
		}
	}
	return out
}

// byInstance parts references in those that mean the same for all instances of
// a block, and those whose key each instance has of its own.
func (e *Evaluator) byInstance(m *module, refs []reference) (same, own []reference) {
	for _, ref := range refs {
		if ref.index != nil && ref.inKey.uses("each") && m.early(ref.inKey) {
			own = append(own, ref)
		} else {
			same = append(same, ref)
		}
	}
	return same, own
}

// early reports whether what references in a module use is known before the
// run.
func (m *module) early(used *references) bool {
	return !used.late() && !used.uses("run") && len(m.lateBindings(used)) == 0
}

// selects finds the instances that references in a module mean. A key that is
// known now selects one of them; any other reference means all.
func (e *Evaluator) selects(m *module, refs []reference, own each, spend *budget.Budget, diags *diag.List) selection {
	var out selection
	some := make(map[*prepared]bool)
	for _, ref := range refs {
		for _, st := range m.meant(ref) {
			b := e.blocks[st]
			if b == nil || !spend.Work(perName) {
				continue
			}
			if out == nil {
				out = make(selection)
			}
			key, ok := e.key(m, ref, own, spend)
			if !ok || len(b.instances) == 0 {
				out[st] = b.instances
			}
			if !ok {
				continue
			}
			p := e.withKey(b, key, ref, diags)
			if p != nil && !some[p] && len(out[st]) < len(b.instances) {
				some[p] = true
				out[st] = append(out[st], p)
			}
		}
	}
	return out
}

// meant are the blocks that a reference in an expression, or a need, names.
func (m *module) meant(ref reference) []*stage {
	if ref.root == "stage" || ref.need() {
		return m.stagesOf(ref)
	}
	return nil
}

// key is the key that a reference gives, if it is known before the run.
func (e *Evaluator) key(m *module, ref reference, own each, spend *budget.Budget) (string, bool) {
	if ref.index == nil {
		return ref.key, ref.hasKey && ref.fixed
	}
	if spend.Exhausted() || !m.early(ref.inKey) {
		return "", false
	}
	v, problems := e.early(m, ref.inKey, own, spend).Value(ref.index, cty.String)
	if v, _ = v.Unmark(); problems.HasErrors() || !v.IsKnown() || v.IsNull() {
		return "", false // evaluating the whole expression says what is wrong
	}
	return v.AsString(), true
}

// withKey is the instance with a key. That there is none is reported.
func (e *Evaluator) withKey(b *block, key string, ref reference, diags *diag.List) *prepared {
	if p := b.byKey[key]; p != nil {
		return p
	}
	if _, told := e.broken[ref.rng]; !told && !b.open && b.forEach != nil {
		e.broken.at(ref.rng)
		diags.Append(ref.rng.Ptr(), fmt.Sprintf("Unknown instance %q of stage.%s", clip(key), b.name),
			"for_each has no such key. "+e.hints.Give(key, namesOf(b.byKey), "keys"))
	}
	return nil
}
