package function_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/function"
	"github.com/zclconf/go-cty/cty"
)

// evaluate is the value of an expression, or the text of its errors.
func evaluate(t *testing.T, root, src string) (cty.Value, string) {
	t.Helper()
	e, diags := hclsyntax.ParseExpression([]byte(src), "x", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", src, diags)
	}
	v, diags := e.Value(&hcl.EvalContext{
		Functions: function.Table(function.Below(function.Folder{Top: root, Dir: "."})),
		Variables: map[string]cty.Value{"unknown": cty.UnknownVal(cty.String), "marked": cty.StringVal("m").Mark("secret")},
	})
	if diags.HasErrors() {
		return cty.NilVal, diags.Error()
	}
	return v, ""
}

// TestFunctions holds each function of the table at least once: on the left a
// call, on the right an expression that it equals.
func TestFunctions(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, text := range map[string]string{"a.txt": "hello\n", "sub/b.txt": "b", "sub/deep/c.txt": "c", "sub/d.md": "d"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cases := map[string]string{
		`abs(-1)`: `1`, `alltrue([true, false])`: `false`, `alltrue([])`: `true`, `anytrue([false, true])`: `true`, `anytrue([])`: `false`,
		`base64decode("aGk=")`: `"hi"`, `base64encode("hi")`: `"aGk="`, `basename("a/b.txt")`: `"b.txt"`, `dirname("a/b.txt")`: `"a"`,
		`can(tonumber("x"))`: `false`, `ceil(1.2)`: `2`, `chomp("a\n")`: `"a"`, `length(chunklist([1, 2, 3], 2))`: `2`,
		`coalesce("", "b")`: `"b"`, `coalesce(null, 2)`: `2`, `coalesce(null, 1, "x")`: `"1"`, `coalescelist([], ["a"])[0]`: `"a"`, `length(compact(["a", ""]))`: `1`, `length(concat([1], [2]))`: `2`,
		`contains(["a"], "a")`: `true`, `csvdecode("a,b\n1,2")[0].b`: `"2"`, `length(distinct(["a", "a"]))`: `1`, `element(["a", "b"], 3)`: `"b"`,
		`endswith("ab", "b")`: `true`, `file("a.txt")`: `"hello\n"`, `fileexists("a.txt")`: `true`, `fileexists("sub")`: `false`,
		`join(",", sort(fileset("sub", "**/*.txt")))`: `"b.txt,deep/c.txt"`, `join(",", fileset(".", "*.txt"))`: `"a.txt"`,
		`filesha256("a.txt")`: `sha256("hello\n")`, `length(flatten([[1], [2]]))`: `2`, `floor(1.8)`: `1`,
		`format("%s-%03d", "a", 7)`: `"a-007"`, `format("100%%")`: `"100%"`, `join(",", formatlist("%s!", ["a", "b"]))`: `"a!,b!"`,
		`formatdate("YYYY-MM-DD", "2026-01-02T03:04:05Z")`: `"2026-01-02"`, `indent(2, "a\nb")`: `"a\n  b"`, `join("-", ["a", "b"])`: `"a-b"`,
		`jsondecode("{\"a\": [1, \"]\"]}").a[1]`: `"]"`, `jsonencode({ a = 1 })`: `"{\"a\":1}"`, `keys({ b = 1, a = 2 })[0]`: `"a"`,
		`length("héé")`: `3`, `length({ a = 1 })`: `1`, `log(8, 2)`: `3`, `lookup({ a = 1 }, "a")`: `1`, `lookup({ a = "x" }, "b", "d")`: `"d"`, `lookup(tomap({ a = "x" }), "a", "d")`: `"x"`,
		`lower("A")`: `"a"`, `max(1, 3)`: `3`, `merge({ a = 1 }, { b = 2 }).b`: `2`, `min(1, 3)`: `1`, `one(["a"])`: `"a"`, `one([])`: `null`,
		`parseint("ff", 16)`: `255`, `pow(2, 3)`: `8`, `length(range(3))`: `3`, `regex("[a-z]+", "12ab")`: `"ab"`, `length(regexall("a", "aba"))`: `2`,
		`replace("a.b", ".", "-")`: `"a-b"`, `replace("a1b2", "/[0-9]/", "#")`: `"a#b#"`, `replace("ab", "/(a)(b)/", "$2$1")`: `"ba"`, `reverse(["a", "b"])[0]`: `"b"`,
		`length(setintersection(["a"], ["a", "b"]))`: `1`, `length(setproduct(["a", "b"], [1, 2]))`: `4`, `length(setsubtract(["a", "b"], ["a"]))`: `1`,
		`length(setunion(["a"], ["b"]))`: `2`, `sha512("") == sha512("a")`: `false`, `signum(-3)`: `-1`, `slice(["a", "b"], 1, 2)[0]`: `"b"`,
		`sort(["b", "a"])[0]`: `"a"`, `split(",", "a,b")[1]`: `"b"`, `startswith("ab", "a")`: `true`, `strcontains("abc", "b")`: `true`, `strlen("é")`: `1`,
		`strrev("ab")`: `"ba"`, `substr("abc", 1, 1)`: `"b"`, `sum([1, 2])`: `3`, `timeadd("2026-01-01T00:00:00Z", "1h")`: `"2026-01-01T01:00:00Z"`,
		`title("a b")`: `"A B"`, `tobool("true")`: `true`, `tolist(["a"])[0]`: `"a"`, `tomap({ a = "b" })["a"]`: `"b"`, `tonumber("1")`: `1`,
		`length(toset(["a", "a"]))`: `1`, `tostring(1)`: `"1"`, `trim("xax", "x")`: `"a"`, `trimprefix("xa", "x")`: `"a"`, `trimspace(" a ")`: `"a"`,
		`trimsuffix("ax", "x")`: `"a"`, `try(tonumber("x"), 2)`: `2`, `upper("a")`: `"A"`, `urlencode("a b")`: `"a+b"`, `values({ a = 1 })[0]`: `1`,
		`zipmap(["a"], [1]).a`: `1`,
	}
	used := ""
	for call, want := range cases {
		used += " " + call
		v, problem := evaluate(t, root, "("+call+") == ("+want+")")
		if problem != "" || !v.True() {
			t.Errorf("%s is not %s: %s", call, want, problem)
		}
	}
	for name := range function.Table(function.Below(function.Folder{Top: root, Dir: "."})) {
		if !strings.Contains(used, name+"(") {
			t.Errorf("%s is not tested", name)
		}
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	root, outside := t.TempDir(), t.TempDir()
	put := func(path string, size int) {
		t.Helper()
		if err := os.WriteFile(path, []byte(strings.Repeat("x", size)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join(root, "big"), function.MaxFile+1)
	put(filepath.Join(outside, "secret"), 1)
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "binary"), []byte{0xff, 0xfe}, 0o644); err != nil {
		t.Fatal(err)
	}
	for call, want := range map[string]string{
		`file("big")`:                    "more than 1048576 bytes",
		`file("binary")`:                 "not UTF-8",
		`file("link")`:                   "cannot be read",
		`filesha256("link")`:             "cannot be read",
		`file("../x")`:                   "outside the pipeline's folder",
		`file("` + outside + `/secret")`: "outside the pipeline's folder",
		`fileexists("../x")`:             "outside the pipeline's folder",
		`fileset("..", "*")`:             "outside the pipeline's folder",
		`fileset(".", "[")`:              "not a pattern",
		`file(".")`:                      "not a regular file",
		`file("absent")`:                 "there is no file absent",
		`base64decode("?")`:              "not base64",
		`base64decode("//4=")`:           "UTF-8",
		`coalesce(null, "")`:             "null or empty", `lookup({}, "a")`: "no such key",
		`lookup("x", "a")`:         "must be a map",
		`lookup({}, "a", 1, 2)`:    "one default",
		`one(["a", "b"])`:          "has 2",
		`one("a")`:                 "must be a list",
		`length(1)`:                "must be a string",
		`sum([1, null])`:           "null",
		`replace("a", "/(/", "b")`: "not a regular expression",
		`trim("a", "` + strings.Repeat("x", 300) + `")`:   "at most 256",
		`regex("` + strings.Repeat("x", 1001) + `", "a")`: "1000 bytes",
	} {
		_, problem := evaluate(t, root, call)
		if !strings.Contains(problem, want) {
			t.Errorf("%.60s: %q, want %q", call, problem, want)
		}
	}
}

func TestUnknownAndMarkedArguments(t *testing.T) {
	t.Parallel()
	for _, call := range []string{
		`format("%s", unknown)`, `join(",", [unknown])`, `replace(unknown, "a", "b")`, `jsondecode(unknown)`, `trim(unknown, "x")`,
		`indent(1, unknown)`, `regex("a", unknown)`, `startswith(unknown, "a")`, `length(unknown)`, `file(unknown)`, `one([unknown])`, `coalesce(unknown, "a")`,
	} {
		if v, problem := evaluate(t, t.TempDir(), call); problem != "" || v.IsWhollyKnown() {
			t.Errorf("%s = %#v, %s; want unknown", call, v, problem)
		}
	}
	for _, call := range []string{`format("%s", marked)`, `join(",", [marked])`, `upper(marked)`, `sha256(marked)`, `length(marked)`, `coalesce(marked, "a")`, `lookup({ a = marked }, "a")`} {
		if v, problem := evaluate(t, t.TempDir(), call); problem != "" || !v.ContainsMarked() {
			t.Errorf("%s = %#v, %s; want it marked", call, v, problem)
		}
	}
}

func TestCheckJSON(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		`{"a": "[[["}`: true, strings.Repeat("[", 64): true, strings.Repeat("[", 65): false, `"\"[` + strings.Repeat("[", 70): true,
		strings.Repeat(" ", function.MaxFile+1): false,
	} {
		if err := function.CheckJSON(text); (err == nil) != ok {
			t.Errorf("CheckJSON(%.20q) = %v", text, err)
		}
	}
}
