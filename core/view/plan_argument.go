package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/preview"
)

// Bounds of what is shown of a configuration; JSON has all of it.
const (
	maxArguments = 60
	maxValue     = 100
)

// arguments are a stage's configuration, aligned.
func (v *planner) arguments(s *preview.Stage) {
	args := s.Arguments
	if s.Environment != nil {
		args = append([]preview.Argument{*s.Environment}, args...)
	}
	rows := v.rows(args)
	more := max(0, len(rows)-maxArguments)
	rows = rows[:len(rows)-more]
	width := 0
	for _, row := range rows {
		width = max(width, len(row.path))
	}
	width = min(width, maxColumn)
	for _, row := range rows {
		fmt.Fprintf(&v.b, "    %-*s = %s\n", width, row.path, row.value)
	}
	if more > 0 {
		fmt.Fprintf(&v.b, "    %s\n", v.p.faint(fmt.Sprintf("and %d more", more)))
	}
}

type row struct{ path, value string }

// rows are a line for each argument. The elements of a list that is only known
// in part are on one line.
func (v *planner) rows(args []preview.Argument) []row {
	var out []row
	for i := 0; i < len(args); {
		list, n := strings.TrimSuffix(args[i].Path, "[0]"), 0
		for ; i+n < len(args) && args[i+n].Path == fmt.Sprintf("%s[%d]", list, n); n++ {
		}
		if n == 0 {
			out = append(out, row{args[i].Path, v.value(args[i])})
			i++
			continue
		}
		elements := make([]string, n)
		for k := range n {
			elements[k] = v.value(args[i+k])
		}
		out = append(out, row{list, "[" + strings.Join(elements, ", ") + "]"})
		i += n
	}
	return out
}

func (v *planner) value(a preview.Argument) string {
	switch {
	case a.Sensitive && len(a.KnownAfter) > 0:
		return v.p.faint("(sensitive, known " + afterText(a.KnownAfter) + ")")
	case a.Sensitive:
		return v.p.faint("(sensitive)")
	case len(a.KnownAfter) > 0:
		return v.p.faint("(known " + afterText(a.KnownAfter) + ")")
	}
	var value any
	dec := json.NewDecoder(bytes.NewReader(a.Value))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		return v.p.faint("(not shown)")
	}
	return Printable(clipped(literal(value)))
}

// literal is a value as the language writes it.
func literal(value any) string {
	switch x := value.(type) {
	case []any:
		parts := make([]string, len(x))
		for i, part := range x {
			parts[i] = literal(part)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		if digest, is := x["digest"].(string); is && x["media_type"] != nil {
			return strings.TrimSpace(fmt.Sprintf("%v %s", x["name"], shortDigest(digest)))
		}
		parts := make([]string, 0, len(x))
		for _, key := range slices.Sorted(maps.Keys(x)) {
			parts = append(parts, key+" = "+literal(x[key]))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	default:
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(x); err != nil {
			return "(not shown)"
		}
		return strings.TrimSuffix(b.String(), "\n")
	}
}

func clipped(text string) string {
	runes := []rune(text)
	if len(runes) <= maxValue {
		return text
	}
	return string(runes[:maxValue]) + "…"
}
