package format_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stagegate/stagegate/core/config/format"
	"github.com/stagegate/stagegate/core/config/guard"
	"github.com/zclconf/go-cty/cty"
)

func TestSource(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"empty":                 {"", ""},
		"blank":                 {"\n\n", "\n\n"},
		"blanks":                {"a   {\nx=1\n  longer =  [1,2 , 3]\n}\n", "a {\n  x      = 1\n  longer = [1, 2, 3]\n}\n"},
		"no final line break":   {"a = 1", "a = 1\n"},
		"comment at the end":    {"# end", "# end\n"},
		"heredoc at the end":    {"a = <<E\n x\nE\n", "a = <<E\n x\nE\n"},
		"byte order mark":       {"\ufeffa=1\n", "a = 1\n"},
		"CRLF":                  {"a {\r\nx=1\r\n}", "a {\r\n  x = 1\r\n}\r\n"},
		"CRLF in a heredoc":     {"a=<<E\r\n  x\r\nE\r\n", "a = <<E\r\n  x\r\nE\r\n"},
		"label":                 {"stage train {}\n", "stage \"train\" {}\n"},
		"template":              {"a = \"${var.x}\"\n", "a = var.x\n"},
		"template, stripped":    {"a = \"${~ var.x ~}\"\n", "a = var.x\n"},
		"template in template":  {"a = \"${ \"${ var.x }\" }\"\n", "a = var.x\n"},
		"template of lines":     {"a = \"${\n1 +\n2\n}\"\n", "a = (\n  1 +\n  2\n)\n"},
		"template with comment": {"a { b = \"${1 # one\n}\" }\n", "a { b = (1 # one\n) }\n"},
		"two parts":             {"a = \"${x}-${y}\"\n", "a = \"${x}-${y}\"\n"},
		"template as a key":     {"a = { \"${x}\" = 1 }\n", "a = { \"${x}\" = 1 }\n"},
		"template in operation": {"a = \"${1 + 2}\" * 3\n", "a = \"${1 + 2}\" * 3\n"},
	} {
		got, diags := format.Source("a.hcl", []byte(tc.in))
		if len(diags) > 0 {
			t.Errorf("%s: %v", name, diags)
		}
		if diff := cmp.Diff(tc.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		holds(t, name, []byte(tc.in))
	}
}

func TestSourceRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"syntax":      {"a = [1,\n", "Missing expression"},
		"open text":   {"a = \"x\nb = 1\n", "Invalid multi-line string"},
		"depth":       {"a = " + strings.Repeat("[", 200_000), "Nesting too deep"},
		"size":        {strings.Repeat("# x\n", guard.MaxFileBytes/4) + "\n", "File too large"},
		"no UTF-8":    {"a = \"\xff\"\n", "Invalid character"},
		"UTF-16":      {"\xff\xfea\x00", "Invalid"},
		"inner BOM":   {"a = 1\n\ufeffb = 2\n", "Invalid"},
		"nil content": {"\x00", "Invalid"},
	} {
		out, diags := format.Source("a.hcl", []byte(tc.in))
		if out != nil || !diags.HasErrors() {
			t.Errorf("%s: %.40q was formatted", name, tc.in)
			continue
		}
		if ok, _ := regexp.MatchString(tc.want, diags[0].Summary+diags[0].Detail); !ok || diags[0].Subject == nil {
			t.Errorf("%s: said %v", name, diags[0])
		}
	}
}

// Every HCL that is in the repository keeps its meaning, and is formatted once
// and for all.
func TestRepositoryHolds(t *testing.T) {
	t.Parallel()
	n := 0
	for name, src := range corpus(t) {
		n++
		holds(t, name, src)
	}
	if n < 60 {
		t.Errorf("only %d sources were found", n)
	}
}

func FuzzSource(f *testing.F) {
	for _, src := range corpus(f) {
		if len(src) < 4096 {
			f.Add(src)
		}
	}
	f.Add([]byte("a = \"${\n1 # x\n}\"\nb c {}"))
	f.Fuzz(func(t *testing.T, src []byte) { holds(t, "fuzz", src) })
}

// corpus is the HCL of the repository: files, members of archives, and blocks
// of code in documents.
func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	out := make(map[string][]byte)
	fence := regexp.MustCompile("(?ms)^```hcl[^\n]*\n(.*?)^```$")
	root := "../../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == ".git" {
			return err
		}
		kind := filepath.Ext(path)
		if d.IsDir() || !slices.Contains([]string{".hcl", ".txtar", ".md"}, kind) {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		switch kind {
		case ".hcl":
			out[path] = src
		case ".txtar":
			for _, f := range txtar.Parse(src).Files {
				if filepath.Ext(f.Name) == ".hcl" {
					out[path+"/"+f.Name] = f.Data
				}
			}
		case ".md":
			for i, m := range fence.FindAllSubmatch(src, -1) {
				out[fmt.Sprintf("%s/%d", path, i)] = m[1]
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// holds checks what must be true of every source: it is refused, or its form is
// final and means the same.
func holds(t *testing.T, name string, src []byte) {
	t.Helper()
	once, diags := format.Source("a.hcl", src)
	if diags.HasErrors() {
		if diags[0].Summary == "File cannot be formatted safely" {
			t.Errorf("%s: cannot be formatted safely:\n%q", name, src)
		}
		return
	}
	twice, diags := format.Source("a.hcl", once)
	if len(diags) > 0 {
		t.Errorf("%s: the canonical form is not accepted: %v\n%s", name, diags, once)
		return
	}
	if diff := cmp.Diff(string(once), string(twice)); diff != "" {
		t.Errorf("%s: formatting again changes it:\n%s", name, diff)
	}
	if diff := cmp.Diff(meaning(t, src), meaning(t, once)); diff != "" {
		t.Errorf("%s: another meaning:\n%s", name, diff)
	}
	if before, after := comments(src), comments(once); !slices.Equal(before, after) {
		t.Errorf("%s: comments %q became %q", name, before, after)
	}
}

// meaning is the syntax tree without places.
func meaning(t *testing.T, src []byte) string {
	t.Helper()
	file, diags := hclsyntax.ParseConfig(src, "a.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var out strings.Builder
	dump(&out, reflect.ValueOf(file.Body), 0)
	return out.String()
}

func dump(out *strings.Builder, v reflect.Value, depth int) {
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			out.WriteString("nil")
			return
		}
		switch e := v.Interface().(type) {
		case *hclsyntax.TemplateWrapExpr:
			dump(out, reflect.ValueOf(e.Wrapped), depth)
		case *hclsyntax.ParenthesesExpr:
			dump(out, reflect.ValueOf(e.Expression), depth)
		default:
			dump(out, v.Elem(), depth)
		}
		return
	}
	indent := "\n" + strings.Repeat(" ", depth)
	switch value := v.Interface().(type) {
	case hcl.Range, []hcl.Range:
		return
	case cty.Value:
		fmt.Fprintf(out, "%#v", value)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		out.WriteString(v.Type().Name())
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				out.WriteString(indent + field.Name + ": ")
				dump(out, v.Field(i), depth+1)
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			out.WriteString(indent + key.String() + ": ")
			dump(out, v.MapIndex(key), depth+1)
		}
	case reflect.Slice:
		for i := range v.Len() {
			out.WriteString(indent + "- ")
			dump(out, v.Index(i), depth+1)
		}
	case reflect.Func:
		fmt.Fprint(out, v.IsNil())
	default:
		fmt.Fprintf(out, "%v", v.Interface())
	}
}

func comments(src []byte) []string {
	tokens, _ := hclsyntax.LexConfig(src, "a.hcl", hcl.InitialPos)
	var out []string
	for _, token := range tokens {
		if token.Type == hclsyntax.TokenComment {
			out = append(out, strings.TrimSpace(string(token.Bytes)))
		}
	}
	return out
}
