package diag_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
)

// source is a file, and the range of the first occurrence of a text in it.
func source(text, part string) (map[string][]byte, *hcl.Range) {
	i := strings.Index(text, part)
	pos := func(at int) hcl.Pos {
		return hcl.Pos{Line: 1 + strings.Count(text[:at], "\n"), Column: at - strings.LastIndexByte(text[:at], '\n'), Byte: at}
	}
	return map[string][]byte{"f.hcl": []byte(text)}, &hcl.Range{Filename: "f.hcl", Start: pos(i), End: pos(i + len(part))}
}

func render(t *testing.T, list diag.List, sources map[string][]byte, o diag.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := diag.Render(&b, list, sources, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRender(t *testing.T) {
	t.Parallel()
	sources, place := source("stage \"x\" {\n\tuses = \"é\" # tab\n}\n", `"é"`)
	got := render(t, diag.List{
		{Severity: diag.Error, Summary: "Wrong", Detail: "Because of this and that, which is long enough to wrap.\n\n  example = 1\nEnd.", Subject: place, In: `stage "x"`},
		{Severity: diag.Warning, Summary: "Nowhere"},
	}, sources, diag.Options{Width: 40})
	want := `╷
│ Error: Wrong
│
│   on f.hcl line 2, in stage "x":
│      2:     uses = "é" # tab
│                    ▔▔▔
│
│ Because of this and that, which is
│ long enough to wrap.
│
│   example = 1
│ End.
╵

╷
│ Warning: Nowhere
╵
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRenderColors(t *testing.T) {
	t.Parallel()
	list := diag.List{{Severity: diag.Error, Summary: "a"}, {Severity: diag.Warning, Summary: "b"}}
	got := render(t, list, nil, diag.Options{Color: true})
	if !strings.Contains(got, "\x1b[31mError: ") || !strings.Contains(got, "\x1b[33mWarning: ") {
		t.Errorf("got %q", got)
	}
	if strings.Contains(render(t, list, nil, diag.Options{}), "\x1b") {
		t.Error("there are colors though none are asked for")
	}
}

func TestRenderLongPlaces(t *testing.T) {
	t.Parallel()
	text := "a = [\n" + strings.Repeat("  1,\n", 20) + "]\n"
	sources, place := source(text, text[4:len(text)-1])
	got := render(t, diag.List{{Summary: "Long", Subject: place}}, sources, diag.Options{})
	if n := strings.Count(got, "\n"); n > 13 || !strings.Contains(got, "…") {
		t.Errorf("%d lines:\n%s", n, got)
	}
	sources, place = source(strings.Repeat("x", 100_000)+"\n", "x")
	if got := render(t, diag.List{{Summary: "Wide", Subject: place, Detail: strings.Repeat("y ", 100_000)}}, sources, diag.Options{}); len(got) > 20_000 {
		t.Errorf("%d bytes for one message", len(got))
	}
}

func TestRenderIsHarmless(t *testing.T) {
	t.Parallel()
	sources, place := source("a = \"\x1b]0;title\x07\u202e\xff\"\n", "a")
	got := render(t, diag.List{{Summary: "bad \x1b[2J", Detail: "\x1b[1m\rover", Subject: place, In: "\x1b"}}, sources, diag.Options{})
	if strings.ContainsAny(got, "\x1b\x07\r\u202e") || !utf8.ValidString(got) {
		t.Errorf("control characters reach the terminal: %q", got)
	}
}

func TestRenderPlacesOutsideTheSource(t *testing.T) {
	t.Parallel()
	for _, r := range []hcl.Range{
		{Filename: "f.hcl", Start: hcl.Pos{Line: 9, Byte: 99}, End: hcl.Pos{Line: 9, Byte: 100}},
		{Filename: "f.hcl", Start: hcl.Pos{Line: 1, Byte: -1}},
		{Filename: "f.hcl", Start: hcl.Pos{Line: 1, Byte: 1}, End: hcl.Pos{Line: 99, Byte: 999}},
		{Filename: "other.hcl", Start: hcl.InitialPos, End: hcl.InitialPos},
	} {
		got := render(t, diag.List{{Summary: "s", Subject: &r}}, map[string][]byte{"f.hcl": []byte("abc")}, diag.Options{})
		if !strings.Contains(got, r.Filename) {
			t.Errorf("%v: %q", r, got)
		}
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	_, place := source("x = <1>\n", "<1>")
	data, err := json.Marshal(diag.NewDocument(diag.List{
		{Severity: diag.Error, Summary: "s", Detail: "d", Subject: place, In: "locals"}, {Severity: diag.Warning, Summary: "w"},
	}))
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type": "diagnostics", "schema": 1.0, "format_version": "1", "valid": false, "error_count": 1.0, "warning_count": 1.0,
		"diagnostics": []any{
			map[string]any{"severity": "error", "summary": "s", "detail": "d", "in": "locals", "range": map[string]any{
				"filename": "f.hcl", "start": map[string]any{"line": 1.0, "column": 5.0, "byte": 4.0}, "end": map[string]any{"line": 1.0, "column": 8.0, "byte": 7.0},
			}},
			map[string]any{"severity": "warning", "summary": "w"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if data, err = json.Marshal(diag.NewDocument(nil)); err != nil || !strings.Contains(string(data), `"diagnostics":[]`) {
		t.Errorf("nothing wrong: %v, %s", err, data)
	}
}

func TestSortedShowsEachCauseOnce(t *testing.T) {
	t.Parallel()
	at := func(file string, b int) *hcl.Range { return &hcl.Range{Filename: file, Start: hcl.Pos{Byte: b}} }
	got := diag.List{
		{Summary: "late", Subject: at("b", 1)}, {Summary: "second", Cause: "c", Subject: at("a", 9)},
		{Summary: "first", Cause: "c", Subject: at("a", 1)}, {Summary: "late", Subject: at("b", 1)}, {Summary: "nowhere"},
	}.Sorted()
	var names []string
	for _, d := range got {
		names = append(names, d.Summary)
	}
	if strings.Join(names, " ") != "nowhere first late" {
		t.Errorf("sorted = %v", names)
	}
}
