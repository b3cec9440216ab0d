package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

func allow(ids ...string) cty.Value {
	list := cty.ListValEmpty(cty.String)
	if len(ids) > 0 {
		var all []cty.Value
		for _, id := range ids {
			all = append(all, cty.StringVal(id))
		}
		list = cty.ListVal(all)
	}
	return cty.ObjectVal(map[string]cty.Value{"allowed": list})
}

func TestValidatePointsAtTheMistake(t *testing.T) {
	t.Parallel()
	h := plugintest.Start(t, plugin())
	tests := map[string]struct {
		config cty.Value
		path   sdk.Path
		want   string
	}{
		"good":    {allow("MIT", "Apache-2.0"), nil, ""},
		"unknown": {cty.ObjectVal(map[string]cty.Value{"allowed": cty.UnknownVal(cty.List(cty.String))}), nil, ""},
		"typo":    {allow("Apache-2.0", "MTI"), sdk.At(sdk.Attr("allowed"), sdk.Index(1)), `Did you mean "MIT"?`},
		"strange": {allow("proprietary"), sdk.At(sdk.Attr("allowed"), sdk.Index(0)), "The known ones are"},
		"none":    {allow(), sdk.At(sdk.Attr("allowed")), "at least one"},
		"outside": {cty.ObjectVal(map[string]cty.Value{"allowed": allow("MIT").GetAttr("allowed"), "dir": cty.StringVal("../x")}), sdk.At(sdk.Attr("dir")), "Name a folder"},
	}
	for name, tt := range tests {
		diags := h.Validate("licenses", tt.config)
		if tt.want == "" {
			if len(diags) > 0 {
				t.Errorf("%s: %v", name, diags)
			}
			continue
		}
		if len(diags) != 1 || !reflect.DeepEqual(diags[0].Path, tt.path) || !strings.Contains(diags[0].Detail, tt.want) {
			t.Errorf("%s: diagnostics are %+v", name, diags)
		}
	}
}

func TestLicenses(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	for name, text := range map[string]string{
		"good.go":         "// SPDX-License-Identifier: MIT\npackage a\n",
		"sub/other.py":    "# SPDX-License-Identifier: GPL-3.0-only\n",
		"sub/none.go":     "package sub\n",
		"notes.txt":       "nothing to see",
		".git/hidden.go":  "package hidden\n",
		"sub/late_one.go": strings.Repeat("\n", headBytes) + "// SPDX-License-Identifier: MIT\n",
	} {
		path := filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := plugintest.Start(t, plugin()).Test("licenses", allow("MIT"), plugintest.Options{WorkDir: work})
	f := out.Failure()
	if f.GetClass() != "license_not_allowed" || f.GetSummary() != "3 of 4 files have no licence that is allowed" {
		t.Fatal(out)
	}
	for _, want := range []string{"sub/other.py: its licence is GPL-3.0-only", "sub/none.go: it has no", "sub/late_one.go: it has no"} {
		if !strings.Contains(f.GetDetail(), want) {
			t.Errorf("the message does not say %q:\n%s", want, f.GetDetail())
		}
	}
	if got := len(out.Result.GetReport().GetCases()); got != 4 {
		t.Errorf("the report has %d cases, want 4", got)
	}
	good := plugintest.Start(t, plugin()).Test("licenses", allow("MIT", "GPL-3.0-only"), plugintest.Options{WorkDir: t.TempDir()})
	if !good.Succeeded() || !good.Outputs.GetAttr("files").RawEquals(cty.Zero) {
		t.Error(good)
	}
}

// The excerpts in the README are the code, to the letter.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, name := range []string{"main.go", "licenses.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	for i, block := range strings.Split(string(readme), "```go\n")[1:] {
		excerpt, _, _ := strings.Cut(block, "```")
		for _, part := range strings.Split(excerpt, "\t// …\n") {
			if !strings.Contains(code.String(), part) {
				t.Errorf("excerpt %d of the README is not in the code:\n%s", i+1, part)
			}
		}
	}
}
