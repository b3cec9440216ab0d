package config_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/diag"
)

// TestInputBombs is TestBombs for the values of variables, from wherever they
// come.
func TestInputBombs(t *testing.T) { //nolint:paralleltest // measures allocation
	many := strings.Repeat
	ones := "[" + many("1,", 30_000) + "1]"
	loop := "[for a in " + ones + " : [for b in " + ones + " : a]]"
	digits := "0." + many("1", 700_000)
	type files = map[string]string
	for _, bomb := range []struct {
		name, variable string
		files          files
		env, flags     []string
		want           string
	}{
		{name: "a loop", files: files{"a.vars": "v = " + loop + "\n"}, want: "too expensive"},
		{name: "nested too deeply", files: files{"a.vars": "v = " + many("[", 100_000) + many("]", 100_000) + "\n"}, want: "Nesting too deep"},
		{name: "a large file", files: files{"a.vars": "v = \"" + many("x", 20<<20) + "\"\n"}, want: "cannot be read"},
		{name: "many names", files: files{"a.vars": numbered(60_000, "v%d = 1\n")}, want: "Too many problems"},
		{name: "a million elements", files: files{"a.json": "{\"v\": [" + many("1,", 500_000) + "1]}"}, want: "Invalid variable file"},
		{name: "a million elements of a list", variable: "type = list(number)", files: files{"a.json": "{\"v\": [" + many("1,", 500_000) + "1]}"}, want: "Invalid variable file"},
		{name: "many elements", files: files{"a.json": "{\"v\": [" + many("1,", 90_000) + "1]}"}, want: "too expensive"},
		{name: "many elements of a list", variable: "type = list(number)", files: files{"a.json": "{\"v\": [" + many("1,", 90_000) + "1]}"}, want: "Wrong value"},
		{name: "a map for for_each", variable: "type = map(string)", files: files{"a.json": "{\"v\": {" + numbered(50_000, "\"k%d\":\"\",") + "\"k\": \"\"}}"}, want: "Wrong value|Too many instances"},
		{name: "empty lists", files: files{"a.json": "{\"v\": [" + many("[],", 90_000) + "[]]}"}, want: "too expensive"},
		{name: "JSON nested too deeply", files: files{"a.json": "{\"v\": " + many("[", 100_000) + many("]", 100_000) + "}"}, want: "Invalid variable file"},
		{name: "a large JSON file", files: files{"a.json": "{\"v\": \"" + many("x", 20<<20) + "\"}"}, want: "cannot be read"},
		{name: "a number of many digits in JSON", files: files{"a.json": "{\"v\": " + digits + "}"}, want: "Invalid variable file"},
		{name: "a large number in JSON", files: files{"a.json": "{\"v\": 1e999999999}"}, want: "Wrong value"},
		{name: "a text of many digits", variable: "type = number", files: files{"a.json": "{\"v\": \"" + digits + "\"}"}, want: "Wrong value"},
		{name: "texts of many digits", variable: "type = list(number)", files: files{"a.json": "{\"v\": [" + many("\""+many("1", 10_000)+"\",", 90) + "\"1\"]}"}, want: "Wrong value"},
		{name: "a large number", variable: "type = number", flags: []string{"v=1e999999999"}, want: "Wrong value"},
		{name: "look-alikes", variable: "type = set(string)", files: files{"a.vars": "v = [" + quotedWords(lookalikes(10_000)) + "]\n"}, want: "Wrong value"},
		{name: "a loop in a flag", variable: "type = any", flags: []string{"v=" + loop}, want: "Wrong value"},
		{name: "brackets in a flag", variable: "type = any", flags: []string{"v=" + many("[", 50_000)}, want: "Wrong value"},
		{name: "a loop in the environment", variable: "type = any", env: []string{"RUNNER_VAR_v=" + loop}, want: "Wrong value"},
		{name: "brackets in the environment", variable: "type = any", env: []string{"RUNNER_VAR_v=" + many("(", 50_000)}, want: "Wrong value"},
		{name: "many flags", variable: "type = any", flags: strings.Split(strings.TrimSuffix(numbered(50_000, "v%d=1,"), ","), ","), want: "Too many problems"},
		{name: "defaults that are multiplied", variable: "type = list(object({ a = optional(any, [" + many("1,", 900) + "]) }))", files: files{"a.json": "{\"v\": [" + many("{},", 5_000) + "{}]}"}, want: "Wrong value"},
		{name: "defaults in defaults", variable: "type = " + optionals(12), files: files{"a.json": "{\"v\": {}}"}, want: "Wrong value|too expensive"},
	} {
		t.Run(bomb.name, func(t *testing.T) { //nolint:paralleltest // measures allocation
			dir := t.TempDir()
			put(t, filepath.Join(dir, "p", "a.hcl"), "pipeline \"p\" {}\nvariable \"v\" {\n"+bomb.variable+"\n}\n"+
				"stage \"s\" {\n  uses = \"test.command\"\n  for_each = can(keys(var.v)) ? var.v : {}\n"+command+"}\n")
			from := config.InputSources{Env: bomb.env, Flags: bomb.flags}
			for name, text := range bomb.files {
				put(t, filepath.Join(dir, name), text)
				from.Files = append(from.Files, filepath.Join(dir, name))
			}
			detonate(t, bomb.want, func() diag.List {
				values, diags := config.ReadInputs(from)
				source, more := config.Parse(config.Options{Path: filepath.Join(dir, "p")})
				diags = append(diags, more...)
				loaded, more := source.Load(config.Inputs{Variables: values, Plugins: plugins(t)})
				loaded.VariablesShown()
				return append(diags, more...)
			})
		})
	}
}

// optionals nests types whose defaults each have ten of the next in them.
func optionals(n int) string {
	if n == 0 {
		return "object({ a = optional(string) })"
	}
	return "object({ a = optional(list(" + optionals(n-1) + "), [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}]) })"
}

func quotedWords(words string) string {
	return "\"" + strings.ReplaceAll(strings.TrimSuffix(words, ","), ",", "\",\"") + "\""
}

// TestSnapshotBombs parses from what no runner has written.
func TestSnapshotBombs(t *testing.T) { //nolint:paralleltest // measures allocation
	folder := func(files map[string]string) string {
		kept := make(map[string][]byte, len(files))
		for name, text := range files {
			kept[name] = []byte(text)
		}
		data, err := json.Marshal(map[string]any{"version": 1, "dir": ".", "folders": map[string]any{"//.": kept}})
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	manyFiles := make(map[string]string)
	for i := range 100_000 {
		manyFiles[fmt.Sprintf("%d.hcl", i)] = ""
	}
	const head = "pipeline \"p\" {}\n"
	for _, bomb := range []struct{ name, snapshot, want string }{
		{"nothing", "x", "No pipeline found"},
		{"empty", "{}", "No pipeline found"},
		{"another version", `{"version": 2, "dir": "."}`, "No pipeline found"},
		{"unknown fields", `{"version": 1, "dir": ".", "x": 1}`, "No pipeline found"},
		{"wrong types", `{"version": 1, "dir": [], "folders": 7}`, "No pipeline found"},
		{"nested too deeply", `{"version": 1, "folders": ` + strings.Repeat("[", 1_000_000), "No pipeline found"},
		{"no folder", `{"version": 1, "dir": "."}`, "Folder is not in the snapshot"},
		{"a folder outside", `{"version": 1, "dir": "../x"}`, "No pipeline found"},
		{"a folder at the root", `{"version": 1, "dir": "/etc"}`, "No pipeline found"},
		{"a folder that is another", `{"version": 1, "dir": "a/b"}`, "No pipeline found"},
		{"a folder with dots", `{"version": 1, "dir": "./."}`, "No pipeline found"},
		{"a large file", folder(map[string]string{"a.hcl": head + strings.Repeat("#", 20<<20)}), "File too large|Pipeline too large"},
		{"many files", folder(manyFiles), "Pipeline too large"},
		{"deep brackets", folder(map[string]string{"a.hcl": head + "locals { a = " + strings.Repeat("(", 100_000)}), "Nesting too deep"},
		{"a module that is not in it", folder(map[string]string{"a.hcl": head + calls(1, "./m", "")}), "Folder is not in the snapshot"},
		{"a module outside", folder(map[string]string{"a.hcl": head + calls(1, "../m", "")}), "Module cannot be found"},
		{"itself", folder(map[string]string{"a.hcl": head + calls(10, "./", "")}), "Module uses itself"},
		{"names with dots", folder(map[string]string{"../../../etc/passwd": head, "a.hcl": "x"}), "Argument or block definition required|Invalid"},
		{"an answer that is no text", `{"version":1,"dir":".","folders":{"//.":{"a.hcl":"` + base64.StdEncoding.EncodeToString([]byte(head+"locals { a = file(\"x\") }\n")) + `"}},"calls":{"file\u0000x\u0000":{"names":["a"]}}}`, ""},
	} {
		t.Run(bomb.name, func(t *testing.T) { //nolint:paralleltest // measures allocation
			dir := t.TempDir()
			detonate(t, bomb.want, func() diag.List {
				source, diags := config.Parse(config.Options{Path: dir, Snapshot: []byte(bomb.snapshot)})
				_, more := source.Load(config.Inputs{Plugins: plugins(t)})
				return append(diags, more...)
			})
		})
	}
}
