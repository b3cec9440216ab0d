package guard

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

func check(src string) string {
	if d := Check("f.hcl", []byte(src), hcl.InitialPos); d != nil {
		return d.Summary
	}
	return ""
}

func nested(open, inner, shut string, n int) string {
	return "a = " + strings.Repeat(open, n) + inner + strings.Repeat(shut, n) + "\n"
}

func TestBoundsAreExact(t *testing.T) {
	t.Parallel()
	run := func(n int) string { return "a = 1" + strings.Repeat(" + 1", n) + "\n" }
	for _, c := range []struct {
		name, within, beyond, want string
	}{
		{"brackets", nested("[", "1", "]", MaxDepth), nested("[", "1", "]", MaxDepth+1), "Nesting too deep"},
		{"quotes", nested(`"${`, "1", `}"`, MaxDepth/2), nested(`"${`, "1", `}"`, MaxDepth/2+1), "Nesting too deep"},
		{"operators", run(MaxRun), run(MaxRun + 1), "Expression too long"},
		{"operators, each line with a comment", strings.Repeat("a = b.c /* x */ # x\n", 300), run(MaxRun + 1), "Expression too long"},
		{"indexes", "a = b" + strings.Repeat("[0]", MaxRun) + "\n", "a = b" + strings.Repeat("[0]", MaxRun+1) + "\n", "Expression too long"},
		{"splats", "a = b" + strings.Repeat("[*]", MaxRun/2) + "\n", "a = b" + strings.Repeat("[*]", MaxRun+1) + "\n", "Expression too long"},
		{"steps", "a = b" + strings.Repeat(".c", MaxRun) + "\n", "a = b" + strings.Repeat(".c", MaxRun+1) + "\n", "Expression too long"},
		{"operators, each line its own", strings.Repeat(run(MaxRun), 3), run(MaxRun + 1), "Expression too long"},
		{"operators over lines in parentheses", "a = (1" + strings.Repeat("\n+ 1", MaxRun) + ")\n", "a = (1" + strings.Repeat("\n+ 1", MaxRun+1) + ")\n", "Expression too long"},
		{"operators in a list", "a = [" + strings.Repeat("1 + 1,\n", 1000) + "]\n", "a = [1" + strings.Repeat("\n+ 1", MaxRun+1) + "]\n", "Expression too long"},
		{"loops", nested("[for x in [1] : ", "x", "]", MaxLoops), nested("[for x in [1] : ", "x", "]", MaxLoops+1), "Too many nested for expressions"},
		{"object loops", nested("{for x in [1] : x => ", "x", "}", MaxLoops), nested("{\n # c\n for x in [1] : x => ", "x", "}", MaxLoops+1), "Too many nested for expressions"},
		{"exponents", "a = 1e999\n", "a = 1e1000\n", "Number out of range"},
		{"digits", "a = " + strings.Repeat("1", maxNumber) + "\n", "a = " + strings.Repeat("1", maxNumber+1) + "\n", "Number out of range"},
		{"bytes", "#" + strings.Repeat("x", MaxFileBytes-2) + "\n", "#" + strings.Repeat("x", MaxFileBytes) + "\n", "File too large"},
		{"lines of text", "a = <<E\n" + strings.Repeat("a line of text\n", 1000) + "E\n", "a = <<E\n" + strings.Repeat("a line of text\n", 10_000) + "E\n", "Text too long"},
		{"pieces of a long line", "a = \"" + strings.Repeat("x", 900_000) + "\"\n", "a = \"" + strings.Repeat("$x", 20_000) + strings.Repeat("x", 900_000) + strings.Repeat("$x", 900) + "\"\n", "Text too long"},
		{"words in comments and text", `a = "((((((" # ((((((` + "\n", nested("(", "1", ")", 65), "Nesting too deep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := check(c.within); got != "" {
				t.Errorf("within the bound: %q", got)
			}
			if got := check(c.beyond); got != c.want {
				t.Errorf("beyond the bound: %q, want %q", got, c.want)
			}
		})
	}
}

func TestDirectivesNest(t *testing.T) {
	t.Parallel()
	inText := func(s string) string { return "a = \"" + s + "\"\n" }
	ifs := func(n int) string { return strings.Repeat("%{if true}", n) + strings.Repeat("%{endif}", n) }
	if got := check(inText(ifs(MaxDepth - 2))); got != "" {
		t.Errorf("within the bound: %q", got)
	}
	if got := check(inText(ifs(MaxDepth + 1))); got != "Nesting too deep" {
		t.Errorf("beyond the bound: %q", got)
	}
	if got := check(inText(strings.Repeat("%{if true}x%{endif}", 200))); got != "" {
		t.Errorf("one after the other: %q", got)
	}
	loop := inText(strings.Repeat("%{for x in [1]}", MaxLoops+1) + strings.Repeat("%{endfor}", MaxLoops+1))
	if got := check(loop); got != "Too many nested for expressions" {
		t.Errorf("loops: %q", got)
	}
}

func TestTokensIsAnUpperBound(t *testing.T) {
	t.Parallel()
	for src, least := range map[string]int{"": 0, "a = 1\n": 4, "((((": 4, "a b\n": 3, "\n\n\n": 3, `"x y"`: 3, "aé": 1} {
		if got := Tokens([]byte(src)); got < least {
			t.Errorf("Tokens(%q) = %d, at least %d expected", src, got, least)
		}
	}
}

func TestPlainTakesWhatPeopleWrite(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "digits", "pipeline.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := plain(data, pieceBytes); !ok {
		t.Error("the design's example takes the slow way")
	}
	if _, ok := plain([]byte("a { # for x\n}\n"+"a = \"x-${local.b[\"k\"]}\" // http://x\nb = [for x in y : x]\n"), pieceBytes); !ok {
		t.Error("interpolation takes the slow way")
	}
}

// FuzzPlain compares the fast way with the lexer: whatever the first lets
// through, the second does.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{
		"a = 1\n", nested("[", "1", "]", 64), nested("(", "1", ")", 63), nested(`"${`, "1", `}"`, 31), "a = \"$${\" + \"%%{\"\n",
		"a = {\n for x in y : x => {\n#\nfor z in x : z => 1 }}\n", "a = <<E\nx\nE\n", "/* [ */ a = \"\\\"[\"\n", "a = 1e999999\n",
		"a = [ # ]\n 1 ]\n", "a = b[0][1][2].c.d\n", "a = x ? y : z\n", "a = \"${\"${1}\"}\"\n", "a = (1 +\n 1)\n", "a{b{c{}}}\n",
		"a = b" + strings.Repeat("[b]", 300) + "\n", "a = b" + strings.Repeat("()", 300) + "\n", "a = b" + strings.Repeat("[*]", 200) + "\n",
		"a = {for = 1}\n", "a = 0x1e5\n", "a = .5.e9\n", "a = b/c//d\n", "a = [[[]]]]\n",
	} {
		f.Add([]byte(seed))
		f.Add([]byte(fmt.Sprintf("%s%s", seed, nested("{a=", "1", "}", 60))))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 1<<16 {
			return
		}
		cuts, ok := plain(src, 4)
		if !ok {
			return
		}
		samePieces(t, src, cuts)
		if d := lex("f.hcl", src, hcl.InitialPos); d != nil {
			t.Errorf("plain lets through: %s: %q", d.Summary, src)
		}
	})
}
