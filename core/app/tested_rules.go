package app

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/stagegate/stagegate/core/view"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// testedRules is the JSON form of a run of a bundle's tests.
type testedRules struct {
	Schema int    `json:"schema"`
	Bundle string `json:"bundle"`
	Passed bool   `json:"passed"`
	// Failure is why it did not pass.
	Failure  *testFailure  `json:"failure,omitempty"`
	Tests    []testedCase  `json:"tests"`
	Files    []coveredFile `json:"files"`
	Coverage float64       `json:"coverage"` // percentage of all lines
}

type testFailure struct {
	Class   string `json:"class"`
	Summary string `json:"summary"`
	Detail  string `json:"detail,omitempty"`
}

// testedCase is one test, with where it is or where it failed.
type testedCase struct {
	File    string  `json:"file"`
	Line    int     `json:"line"`
	Name    string  `json:"name"`
	Verdict string  `json:"verdict"` // passed, failed, broken or skipped
	Message string  `json:"message,omitempty"`
	Seconds float64 `json:"seconds"`
}

// coveredFile is what tests reach of a file of rules.
type coveredFile struct {
	File    string  `json:"file"`
	Percent float64 `json:"percent"`
	Lines   int     `json:"lines"` // with something to evaluate
	Reached int     `json:"reached"`
	Missed  []int   `json:"missed"`
}

// bundleUnusable is the class of a bundle that has no tests to run.
const bundleUnusable = "bundle_unusable"

// readTestedRules reads what the plugin says, with names as the user would write
// them.
func readTestedRules(component *pluginv1.Component, result *pluginv1.Result, bundle string) (*testedRules, error) {
	out := &testedRules{Schema: view.SchemaVersion, Bundle: bundle, Passed: result.GetOutcome() == pluginv1.Outcome_OUTCOME_SUCCEEDED}
	if f := result.GetFailure(); f != nil {
		out.Failure = &testFailure{Class: f.GetClass(), Summary: f.GetSummary(), Detail: f.GetDetail()}
	}
	switch result.GetOutcome() {
	case pluginv1.Outcome_OUTCOME_SUCCEEDED, pluginv1.Outcome_OUTCOME_FAILED:
	default:
		if out.Failure == nil {
			return nil, errNoTests
		}
		err := fmt.Errorf("%s: %s", strings.ToLower(out.Failure.Summary[:1])+out.Failure.Summary[1:], out.Failure.Detail)
		if out.Failure.Class == bundleUnusable {
			return nil, usage(err)
		}
		return nil, err
	}
	ty, err := dynamic.OutputType(component.GetOutputs())
	if err != nil {
		return nil, fmt.Errorf("read schema of outputs: %w", err)
	}
	outputs, err := dynamic.Decode(result.GetOutputs(), ty)
	if err != nil {
		return nil, fmt.Errorf("read the result of the tests: %w", err)
	}
	data, err := ctyjson.Marshal(outputs, ty)
	if err == nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		return nil, fmt.Errorf("read the result of the tests: %w", err)
	}
	if info, err := os.Stat(bundle); err == nil && info.IsDir() {
		for i := range out.Tests {
			out.Tests[i].File = filepath.Join(bundle, out.Tests[i].File)
		}
		for i := range out.Files {
			out.Files[i].File = filepath.Join(bundle, out.Files[i].File)
		}
	}
	return out, nil
}

// failing are the tests that did not pass.
func (t *testedRules) failing() []testedCase {
	var out []testedCase
	for _, c := range t.Tests {
		if c.Verdict != "passed" && c.Verdict != "skipped" {
			out = append(out, c)
		}
	}
	return out
}

// lines are how many the rules have, and how many of them tests reach.
func (t *testedRules) lines() (reached, all int) {
	for _, f := range t.Files {
		reached, all = reached+f.Reached, all+f.Lines
	}
	return reached, all
}

func (t *testedRules) text(w io.Writer) error {
	var b strings.Builder
	failing := t.failing()
	for _, c := range failing {
		fmt.Fprintf(&b, "%s:%d: %s: %s\n", c.File, c.Line, c.Name, c.Message)
	}
	for _, f := range t.Files {
		fmt.Fprintf(&b, "%5.1f %%  %s", f.Percent, f.File)
		if len(f.Missed) > 0 {
			fmt.Fprintf(&b, "  not reached: %s", lineRanges(f.Missed))
		}
		b.WriteByte('\n')
	}
	reached, all := t.lines()
	fmt.Fprintf(&b, "%d tests, %d failed; they reach %d of %d lines of rules, %.1f %%\n", len(t.Tests), len(failing), reached, all, t.Coverage)
	if f := t.Failure; f != nil && len(failing) == 0 {
		fmt.Fprintf(&b, "%s.\n", strings.TrimSuffix(f.Summary+". "+f.Detail, "."))
	}
	_, err := io.WriteString(w, view.Printable(b.String()))
	return err
}

// lineRanges are lines in the words of people: 3, 7-9.
func lineRanges(lines []int) string {
	var out []string
	for i := 0; i < len(lines); {
		last := i
		for last+1 < len(lines) && lines[last+1] == lines[last]+1 {
			last++
		}
		text := fmt.Sprint(lines[i])
		if last > i {
			text = fmt.Sprintf("%d-%d", lines[i], lines[last])
		}
		out = append(out, text)
		i = last + 1
	}
	return strings.Join(out, ", ")
}
