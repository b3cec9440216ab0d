package config

import (
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
)

// maxKey bounds the key of an instance: it is part of names.
const maxKey = 128

// each is what for_each gives to one instance. The zero value is that of a
// stage without.
type each struct {
	key   string
	value cty.Value // cty.NilVal without for_each
	known bool      // the instance stands for others that are not known
}

// object is what the language calls each.
func (e each) object() cty.Value {
	key := cty.StringVal(e.key)
	if !e.known {
		key = cty.UnknownVal(cty.String).RefineNotNull()
	}
	return cty.ObjectVal(map[string]cty.Value{"key": key, "value": e.value})
}

// instances are what a stage's for_each comes to; one without it has one.
func (e *Evaluator) instances(st *stage, spend *budget.Budget, diags *diag.List) (out []each, ok bool) {
	if st.forEach == nil {
		return []each{{known: true}}, true
	}
	s := e.early(st.module, st.eachRefs, each{}, spend)
	v, problems := s.Value(st.forEach.Expr, cty.DynamicPseudoType)
	*diags = append(*diags, problems...)
	if problems.HasErrors() {
		return nil, false
	}
	place := st.forEach.Expr.Range()
	refuse := func(summary, detail string) ([]each, bool) {
		diags.Append(&place, summary, detail)
		return nil, false
	}
	ty := v.Type()
	switch {
	case v.IsNull():
		return refuse("\"for_each\" is null", "Give it a map, an object or a set of strings; an empty one makes no instance.")
	case v.ContainsMarked():
		return refuse("\"for_each\" cannot be sensitive", "The keys name the instances, and names are shown. Use keys that are not sensitive.")
	case ty == cty.DynamicPseudoType || !v.IsKnown():
		return nil, false // its cause is reported
	case !ty.IsMapType() && !ty.IsObjectType() && (!ty.IsSetType() || ty.ElementType() != cty.String && v.LengthInt() > 0):
		return refuse("Wrong type for \"for_each\"", fmt.Sprintf("It is a %s. %s", ty.FriendlyName(), forEachRemedy))
	case v.LengthInt() > maxStages:
		return refuse("Too many instances", fmt.Sprintf("for_each has %d elements; at most %d stages can run.", v.LengthInt(), maxStages))
	}
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		if ty.IsSetType() {
			key = value
		}
		one := each{value: value, known: true}
		if key.IsNull() || !key.IsKnown() {
			return refuse("Wrong key in \"for_each\"", "A key is null or not known. Keys name the instances.")
		}
		if one.key = key.AsString(); !validKey(one.key) {
			return refuse(fmt.Sprintf("Wrong key %q in \"for_each\"", clip(one.key)), fmt.Sprintf(
				"A key is a text of 1 to %d bytes on one line: it is part of the instance's name.", maxKey))
		}
		out = append(out, one)
	}
	return out, true
}

const forEachRemedy = "Use a map, an object or a set of strings: toset([\"a\", \"b\"]) makes one of a list, and " +
	"{ for p in setproduct(var.a, var.b) : \"${p[0]}-${p[1]}\" => { a = p[0], b = p[1] } } has all combinations."

func validKey(key string) bool {
	return key != "" && len(key) <= maxKey && !strings.ContainsFunc(key, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
	})
}

// expand makes the stages of all blocks, in the order of the files: a module's
// where its block is.
func (e *Evaluator) expand(spend *budget.Budget, diags *diag.List) {
	total := 0
	e.source.root.walk(func(st *stage) bool {
		all, ok := e.instances(st, spend, diags)
		if total += len(all); total > maxStages {
			*diags = append(*diags, diag.Diagnostic{
				Severity: diag.Error, Summary: "Too many stages", Cause: "stages", Subject: &st.header,
				Detail: fmt.Sprintf("With this block's instances there are more than %d.", maxStages),
			})
			return false
		}
		var late []*binding
		if e.source.ordered {
			late = st.module.lateBindings(st.refs)
		}
		if !spend.Work(perName * int64(len(late)+len(all))) {
			*diags = append(*diags, tooExpensive(st.header)...)
			return false
		}
		e.add(st, all, late, ok)
		return true
	})
}

// add makes the instances of one block.
func (e *Evaluator) add(st *stage, all []each, late []*binding, ok bool) {
	b := &block{
		stage: st, late: late, open: !ok, compiled: &compiled{unknown: cty.DynamicVal}, byKey: make(map[string]*prepared, len(all)),
	}
	e.blocks[st] = b
	name := st.module.stageName(st.name)
	for _, one := range all {
		p := &prepared{block: b, each: one, name: name}
		if st.forEach != nil {
			p.name = instanceName(name, one.key)
		}
		b.instances = append(b.instances, p)
		b.byKey[one.key] = p
		e.stages[p.name] = p
		e.inOrder = append(e.inOrder, p)
	}
	if len(all) == 0 {
		// Nothing of it will run, but mistakes in it are mistakes.
		b.ghost = &prepared{block: b, each: each{value: cty.DynamicVal}, name: instanceName(name, "…")}
	}
}
