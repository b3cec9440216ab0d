package app

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/preview"
)

// answer is what a command prints with --format json.
type answer struct {
	command string
	form    any
	stream  bool // one for each line
	about   string
}

// answers are those of all commands that have one, by the name of the command.
func answers() []answer {
	return []answer{
		{"runner approve", voteReport{}, false, "What was recorded, and how many have approved by now."},
		{"runner attestations", attestationList{}, false, "What is stated about the run's artifacts, and by whom it is signed."},
		{"runner cache list", cacheList{}, false, "The results that later runs may take over."},
		{"runner cache prune", cachePruned{}, false, "What was removed."},
		{"runner cancel", cancelReport{}, false, "What became of the run."},
		{"runner console", evaluation{}, true, "The value of each expression, one a line."},
		{"runner docs", docsAnswer{}, false, "What components can do."},
		{"runner fmt", fmtAnswer{}, false, "What became of the files."},
		{"runner graph", graphAnswer{}, false, "The stages and what each waits for."},
		{"runner init", initAnswer{}, false, "The modules that are pinned, and what has changed."},
		{"runner notify flush", letterList{}, false, "What is still not delivered."},
		{"runner notify list", letterList{}, false, "The messages and marks that are not delivered yet."},
		{"runner notify test", letterTaken{}, false, "That the target has taken a message."},
		{"runner plan", preview.Preview{}, false, "What a run would do."},
		{"runner policy eval", policyEvaluation{}, false, "A decision that was made again."},
		{"runner policy explain", decisionList{}, false, "What each decision of a run rests on."},
		{"runner policy test", testedRules{}, false, "What a bundle's tests came to, and what they reach."},
		{"runner reject", voteReport{}, false, "What was recorded."},
		{"runner resume", event.Event{}, true, "What happens, as in `runner run`. A run that has succeeded has one line that says so: `schema`, `run`, `status`."},
		{"runner run", event.Event{}, true, "What happens, one event a line, as it is recorded. The first line has the version: `{\"type\":\"version\",\"schema\":1, …}`."},
		{"runner runs", runList{}, false, "The runs that are kept, newest first."},
		{"runner show", runReport{}, false, "What a run came to."},
		{"runner validate", diag.Document{}, false, "What is wrong with the pipeline; empty when nothing is."},
		{"runner version", versionInfo{}, false, "The version."},
	}
}

// JSONReference writes the reference of what commands print for programs, in
// Markdown. The fields come from the types that are printed.
func JSONReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString(jsonIntroduction)
	r := reflection{seen: make(map[reflect.Type]string)}
	for _, a := range answers() {
		form := r.name(reflect.TypeOf(a.form))
		if a.stream {
			form = "lines of " + form
		}
		fmt.Fprintf(&b, "| [`%s`](cli.md#%s) | %s | %s |\n", a.command, strings.ReplaceAll(a.command, " ", "-"), form, a.about)
	}
	b.WriteString("\n## Types\n\nA field with `?` is left out when it is empty.\n")
	for i := 0; i < len(r.order); i++ { // describing one finds others
		r.describe(&b, r.order[i])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const jsonIntroduction = `# JSON for programs

<!-- Made by go generate from the types themselves: do not edit. -->

Every command that prints an answer has ` + "`--format json`" + `. This page is the contract, version 1.

- Each answer is one JSON document with ` + "`\"schema\": 1`" + `; ` + "`runner run`" + ` and ` + "`runner resume`" + ` print a stream, one document a line.
- Fields are added, and never renamed or removed, while the version is 1. Ignore what you do not know.
- When there is no answer (wrong usage, a mistake in the pipeline, a run that is not there), standard output has one line of
  ` + "[`diagnostics`](#diagdocument)" + ` in its place, with ` + "`\"type\": \"diagnostics\"`" + ` and the reasons. Standard error then has nothing that a program needs.
- The [exit code](cli.md#exit-codes) says how it went, as without JSON.
- What is sensitive reads ` + "`(sensitive)`" + ` or ` + "`***`" + `. Times are RFC 3339 in UTC, durations are seconds, sizes are bytes, digests are ` + "`sha256:`" + ` and hexadecimal.

| Command | Prints | |
|---|---|---|
`

// reflection describes types, each once.
type reflection struct {
	seen  map[reflect.Type]string
	order []reflect.Type
}

// name is a type in the words of JSON.
func (r *reflection) name(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case t.Kind() == reflect.Pointer:
		return r.name(t.Elem())
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return "base64"
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		return "list of " + r.name(t.Elem())
	case t.Kind() == reflect.Map:
		return "object of " + r.name(t.Elem())
	case t.Kind() == reflect.Struct:
		return r.link(t)
	case t.Kind() == reflect.String:
		return "string"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case t.Kind() == reflect.Interface:
		return "any"
	default:
		return "number"
	}
}

// link names a structure and has it described.
func (r *reflection) link(t reflect.Type) string {
	title, ok := r.seen[t]
	if !ok {
		pkg := t.PkgPath()[strings.LastIndex(t.PkgPath(), "/")+1:]
		title = pkg + "." + t.Name()
		r.seen[t] = title
		r.order = append(r.order, t)
	}
	return fmt.Sprintf("[%s](#%s)", title, strings.ToLower(strings.ReplaceAll(title, ".", "")))
}

func (r *reflection) describe(b *strings.Builder, t reflect.Type) {
	fmt.Fprintf(b, "\n### %s\n\n| Field | Type |\n|---|---|\n", r.seen[t])
	for _, f := range fieldsOf(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		optional := ""
		if strings.Contains(options, "omit") {
			optional = "?"
		}
		fmt.Fprintf(b, "| `%s`%s | %s |\n", name, optional, r.name(f.Type))
	}
}

// fieldsOf are the fields that JSON has, those of embedded structures included.
func fieldsOf(t reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool {
		return !f.IsExported() || f.Tag.Get("json") == "-" || f.Anonymous && f.Tag.Get("json") == ""
	})
}
