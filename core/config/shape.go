package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
)

// shape is what may stand in one of the language's own blocks.
type shape struct {
	what     string   // the block in words, for example "a stage"
	header   string   // how to write it
	labels   int      // how many labels it has
	args     []string // arguments
	blocks   []string // blocks, in any number
	single   []string // blocks, at most one
	required []string // arguments that must be there
}

// check reports what does not fit. It reports whether the labels do.
func (s *shape) check(b *hclsyntax.Block, diags *diag.List) bool {
	s.checkBody(b, diags)
	if len(b.Labels) != s.labels {
		place := b.DefRange()
		diags.Append(&place, fmt.Sprintf("Wrong number of labels on %q", b.Type), fmt.Sprintf(
			"It has %d and needs %d. Write %s { … }.", len(b.Labels), s.labels, s.header))
		return false
	}
	for i, label := range b.Labels {
		if !hclsyntax.ValidIdentifier(label) || len(label) > maxName {
			diags.Append(&b.LabelRanges[i], fmt.Sprintf("Invalid name %q", clip(label)), fmt.Sprintf(
				"A name starts with a letter, has letters, digits, - and _, and at most %d of them.", maxName))
			return false
		}
	}
	return true
}

// maxName bounds the names of stages, variables and locals.
const maxName = 64

func (s *shape) checkBody(b *hclsyntax.Block, diags *diag.List) {
	nested := slices.Concat(s.blocks, s.single)
	for name, a := range b.Body.Attributes {
		switch {
		case slices.Contains(s.args, name):
		case slices.Contains(nested, name):
			diags.Append(&a.NameRange, fmt.Sprintf("%q is a block", name), fmt.Sprintf(
				"Write it without an equals sign: %s { … }.", name))
		default:
			diags.Append(&a.NameRange, fmt.Sprintf("Unsupported argument %q", name), fmt.Sprintf(
				"%s has no such argument. %s", upper(s.what), s.hint(name, s.args, nested, "arguments")))
		}
	}
	first := make(map[string]*hclsyntax.Block)
	for _, inner := range b.Body.Blocks {
		switch {
		case slices.Contains(s.args, inner.Type):
			diags.Append(&inner.TypeRange, fmt.Sprintf("%q is an argument", inner.Type), fmt.Sprintf(
				"Write it with an equals sign: %s = ….", inner.Type))
		case !slices.Contains(nested, inner.Type):
			diags.Append(&inner.TypeRange, fmt.Sprintf("Unsupported block %q", inner.Type), fmt.Sprintf(
				"%s has no such block. %s", upper(s.what), s.hint(inner.Type, nested, s.args, "blocks")))
		case slices.Contains(s.single, inner.Type) && first[inner.Type] != nil:
			diags.Append(&inner.TypeRange, fmt.Sprintf("Duplicate block %q", inner.Type), fmt.Sprintf(
				"%s may have one. The first is at %s.", upper(s.what), at(first[inner.Type].TypeRange)))
		default:
			first[inner.Type] = inner
			if len(inner.Labels) > 0 {
				diags.Append(&inner.LabelRanges[0], fmt.Sprintf("Unexpected label on %q", inner.Type), fmt.Sprintf(
					"Write %s { … }.", inner.Type))
			}
		}
	}
	for _, name := range s.required {
		if b.Body.Attributes[name] == nil {
			place := b.DefRange()
			diags.Append(&place, fmt.Sprintf("Missing required argument %q", name), upper(s.what)+" needs it.")
		}
	}
}

// hint looks first among names of the same sort, then among the others.
func (s *shape) hint(name string, same, other []string, plural string) string {
	if spelling.Nearest(name, same) == "" {
		if near := spelling.Nearest(name, other); near != "" {
			return spelling.Hint(name, []string{near}, plural)
		}
	}
	return spelling.Hint(name, same, plural)
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// clip keeps text from files short in messages.
func clip(s string) string {
	const most = 80
	return cut(s, most)
}

// cut is text of at most so many bytes, and what shows that there was more.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
