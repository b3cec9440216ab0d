// Package diag is the vocabulary of messages about the user's files: what is
// wrong, where, why, and what to do. It is a leaf: it knows source ranges and
// nothing else, and it reads no file.
package diag

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// Severity says how a diagnostic ends.
type Severity int

// The severities.
const (
	Error Severity = iota + 1
	Warning
)

// Diagnostic is one message.
type Diagnostic struct {
	Severity Severity
	Summary  string     // one line, no full stop: what is wrong
	Detail   string     // why, and what to do about it
	Subject  *hcl.Range // the place; nil when there is none
	Context  *hcl.Range // what to show around it; nil means the subject's lines
	In       string     // the block around the place, for example: stage "serve"
	// Cause groups diagnostics with one root cause: of those with the same
	// non-empty cause, List.Sorted keeps the first.
	Cause string
}

// List is all that is wrong.
type List []Diagnostic

// Append adds one error at a place.
func (l *List) Append(subject *hcl.Range, summary, detail string) {
	*l = append(*l, Diagnostic{Severity: Error, Summary: summary, Detail: detail, Subject: subject})
}

// Warn adds one warning at a place.
func (l *List) Warn(subject *hcl.Range, summary, detail string) {
	*l = append(*l, Diagnostic{Severity: Warning, Summary: summary, Detail: detail, Subject: subject})
}

// HasErrors reports whether any of them is an error.
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity == Error })
}

// Sorted is the list by position, each root cause once. Diagnostics without a
// place come first.
func (l List) Sorted() List {
	out := slices.Clone(l)
	slices.SortStableFunc(out, func(a, b Diagnostic) int { return comparePlaces(a.Subject, b.Subject) })
	seen := make(map[string]bool)
	return slices.DeleteFunc(out, func(d Diagnostic) bool {
		key := d.Cause
		if key == "" {
			key = d.Summary + "\x00" + d.Detail
			if d.Subject != nil {
				key += "\x00" + d.Subject.String()
			}
		}
		if seen[key] {
			return true
		}
		seen[key] = true
		return false
	})
}

func comparePlaces(a, b *hcl.Range) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Or(cmp.Compare(a.Filename, b.Filename), cmp.Compare(a.Start.Byte, b.Start.Byte))
}

// FromHCL converts what the HCL library found.
func FromHCL(in hcl.Diagnostics) List {
	out := make(List, 0, len(in))
	for _, d := range in {
		severity := Error
		if d.Severity == hcl.DiagWarning {
			severity = Warning
		}
		out = append(out, Diagnostic{
			Severity: severity, Summary: d.Summary, Detail: d.Detail,
			Subject: d.Subject, Context: d.Context,
		})
	}
	return out
}
