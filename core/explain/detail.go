package explain

import (
	"fmt"
	"strings"
)

// maxShown is how much of a value people see, in bytes.
const maxShown = 160

// detail says on what a finding rests, and what to do.
func (f Finding) detail() string {
	var parts []string
	if len(f.Facts) > 0 {
		lines := []string{"It rests on"}
		for _, fact := range f.Facts {
			lines = append(lines, "  "+fact.String())
		}
		parts = append(parts, strings.Join(lines, "\n"))
	}
	if f.Waiver != "" {
		parts = append(parts, "Waived by "+f.Waiver)
	}
	if f.Remedy != "" {
		parts = append(parts, "Remedy: "+f.Remedy)
	}
	var about []string
	if f.Severity != "" {
		about = append(about, "severity "+f.Severity)
	}
	if about = append(about, f.Controls...); len(about) > 0 {
		parts = append(parts, "("+strings.Join(about, ", ")+")")
	}
	return strings.Join(parts, "\n\n")
}

// String is the fact on one line.
func (f Fact) String() string {
	switch f.State {
	case Missing:
		return f.Name + " is not in the input"
	case Recorded:
		return f.Name + " = " + f.shown()
	}
	line := f.Name + " is " + f.State
	if f.Value != nil || f.Bytes > 0 {
		line += ": " + f.shown()
	}
	if f.Source != "" {
		line += ", from " + f.Source
	}
	if f.CheckedAt != "" {
		line += ", checked " + f.CheckedAt
	}
	return line
}

func (f Fact) shown() string {
	if f.Bytes > 0 {
		return fmt.Sprintf("(%d bytes)", f.Bytes)
	}
	out := text(f.Value)
	if len(out) > maxShown {
		out = strings.ToValidUTF8(out[:maxShown], "") + "…"
	}
	return out
}
