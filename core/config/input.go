package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// envPrefix starts the environment variables that set variables.
const envPrefix = "RUNNER_VAR_"

// InputSources are where values for variables come from, weakest first.
type InputSources struct {
	Env []string // of the form key=value; others than RUNNER_VAR_<name> are ignored
	// Kept are JSON values that a run was made with before.
	Kept  map[string]string
	Files []string // paths of --var-file, in order
	Flags []string // of --var, name=value, in order
}

// Assignments are values for variables, not yet checked against declarations.
type Assignments struct{ all []assignment }

// assignment is one value for one variable.
type assignment struct {
	name   string
	source string     // in words, for example "--var" or "prod.hcl:3"
	place  *hcl.Range // in a variable file
	text   string     // when value is cty.NilVal: text, to be read by the type
	value  cty.Value
	stray  bool // a name that is not declared is no mistake
}

// ReadInputs reads values for variables. A later one replaces an earlier one.
func ReadInputs(from InputSources) (*Assignments, diag.List) {
	var diags diag.List
	a := &Assignments{}
	for _, entry := range from.Env {
		key, text, ok := strings.Cut(entry, "=")
		if name, is := strings.CutPrefix(key, envPrefix); ok && is && name != "" {
			a.all = append(a.all, assignment{name: name, source: key, text: text, stray: true})
		}
	}
	for name, text := range from.Kept {
		one, err := keptAssignment(name, text)
		if err != nil {
			diags.Append(nil, "Recorded variable cannot be read", fmt.Sprintf("%s: %v.", clip(name), err))
			continue
		}
		a.all = append(a.all, one)
	}
	for _, path := range from.Files {
		found, problems := readVariableFile(path)
		a.all = append(a.all, found...)
		diags = append(diags, problems...)
	}
	for i, flag := range from.Flags {
		name, text, ok := strings.Cut(flag, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			// What follows may be a secret: only the part before it is shown.
			diags.Append(nil, "Invalid --var", fmt.Sprintf("The value of number %d is not of the form name=value. ", i+1)+"Write --var name=value, with the value between single quotes where the shell needs it.")
			continue
		}
		a.all = append(a.all, assignment{name: name, source: "--var " + clip(name), text: text})
	}
	return a, diags
}

// byName is the strongest assignment of each declared variable.
func (a *Assignments) byName(s *Source, hint func(name string) string, diags *diag.List) map[string]assignment {
	out := make(map[string]assignment)
	if a == nil {
		return out
	}
	for _, one := range a.all {
		if s.root.variables[one.name] != nil {
			out[one.name] = one
			continue
		}
		if !one.stray {
			diags.Append(one.place, fmt.Sprintf("Unknown variable %q", clip(one.name)), fmt.Sprintf(
				"%s sets it, but the pipeline does not declare it. %s", one.source, hint(one.name)))
		}
	}
	return out
}

// keptAssignment is a value that was recorded as JSON. A variable that is not
// declared any more is no mistake: the files are compared by themselves.
func keptAssignment(name, text string) (assignment, error) {
	ty, err := ctyjson.ImpliedType([]byte(text))
	if err != nil {
		return assignment{}, fmt.Errorf("read %q: %w", clip(text), err)
	}
	value, err := ctyjson.Unmarshal([]byte(text), ty)
	if err != nil {
		return assignment{}, fmt.Errorf("read %q: %w", clip(text), err)
	}
	return assignment{name: name, source: "the run's record", value: value, stray: true}, nil
}
