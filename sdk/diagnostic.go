package sdk

import "strings"

// Severity says how a diagnostic ends.
type Severity int

// The severities.
const (
	Error Severity = iota + 1
	Warning
)

// Diagnostic is a message about the user's configuration. The runner adds
// file, line and snippet.
type Diagnostic struct {
	Severity Severity
	Summary  string // one line, no full stop: what is wrong
	Detail   string // why, and what to do about it
	Path     Path   // in the `with` block; empty when no single place fits
}

// Diagnostics is all that is wrong, not only the first.
type Diagnostics []Diagnostic

// AddError appends an error.
func (d *Diagnostics) AddError(path Path, summary, detail string) {
	*d = append(*d, Diagnostic{Severity: Error, Summary: summary, Detail: detail, Path: path})
}

// AddWarning appends a warning.
func (d *Diagnostics) AddWarning(path Path, summary, detail string) {
	*d = append(*d, Diagnostic{Severity: Warning, Summary: summary, Detail: detail, Path: path})
}

// HasErrors reports whether any of them is an error.
func (d Diagnostics) HasErrors() bool {
	for _, one := range d {
		if one.Severity != Warning {
			return true
		}
	}
	return false
}

// Error joins the summaries and details, so that diagnostics can travel as an
// error where no configuration is at hand.
func (d Diagnostics) Error() string {
	var b strings.Builder
	for i, one := range d {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(one.Summary)
		if one.Detail != "" {
			b.WriteString(": " + one.Detail)
		}
	}
	return b.String()
}

// Path names a place in a configuration, from the outside in. Each step is an
// Attr, a Key or an Index.
type Path []Step

// Step is one level down.
type Step interface{ step() }

// Attr is the name of an argument or of a block type.
type Attr string

// Key is the key of a map element, or the label of a block.
type Key string

// Index is the position of a list element, or of a block in source order.
type Index int

func (Attr) step()  {}
func (Key) step()   {}
func (Index) step() {}

// At builds a path.
func At(steps ...Step) Path { return steps }
