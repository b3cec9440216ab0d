package guard

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// samePieces holds what pieces give to what the whole gives: the same body,
// ranges included, or nothing, and always nothing where something is wrong.
func samePieces(t *testing.T, src []byte, cuts []int) {
	t.Helper()
	got := inPieces("f.hcl", src, cuts)
	if got == nil {
		return
	}
	parsed, problems := hclsyntax.ParseConfig(src, "f.hcl", hcl.InitialPos)
	if len(problems) > 0 {
		t.Errorf("pieces hide %v: %q", problems, src)
	}
	if !reflect.DeepEqual(got, parsed.Body) {
		t.Errorf("pieces give another body: %q", src)
	}
}

func TestPiecesGiveTheSameBody(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile(filepath.Join("..", "testdata", "digits", "pipeline.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]string{
		"the design's example":   string(example),
		"no last line break":     "a = 1\nb {\n c = 2\n}\nd = 3",
		"comments":               "# a\na = 1 // b\n# }\n\nb {} # c\n# d\n",
		"blank lines at the end": "a = 1\n\n\n\nb = 2\n\n\n",
		"carriage returns":       "a = 1\r\nb {\r\n}\r\n\r\nc = 3\r\n",
		"beyond ASCII in texts":  "a = \"äöü\"\nb = \"${a}é\"\nc { d = \"…\" }\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cuts, ok := plain([]byte(src), 1)
			if !ok || len(cuts) < 2 {
				t.Fatalf("it is not cut: %v, %t", cuts, ok)
			}
			samePieces(t, []byte(src), cuts)
			if inPieces("f.hcl", []byte(src), cuts) == nil {
				t.Error("it is parsed as a whole")
			}
		})
	}
}

// What is wrong is said of the whole file, as if it had never been in pieces.
func TestMistakesInPieces(t *testing.T) {
	t.Parallel()
	filler := strings.Repeat("block {\n  a = 1\n}\n", 3*pieceBytes/16)
	for name, tt := range map[string]struct{ src, want string }{
		"an attribute twice": {"a = 1\n" + filler + "a = 2\n", "Attribute redefined"},
		"two blocks a line":  {filler + "b {} c {}\n" + filler, "Missing newline after block definition"},
		"no value":           {filler + "b =\n" + filler, "Invalid expression"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if cuts, ok := plain([]byte(tt.src), pieceBytes); !ok || len(cuts) < 2 {
				t.Fatalf("it is not cut: %v, %t", cuts, ok)
			}
			_, diags := Parse("f.hcl", []byte(tt.src))
			_, problems := hclsyntax.ParseConfig([]byte(tt.src), "f.hcl", hcl.InitialPos)
			if len(diags) != len(problems) || diags[0].Summary != tt.want || fmt.Sprint(diags[0].Subject) != fmt.Sprint(problems[0].Subject) {
				t.Errorf("diagnostics = %+v, of the whole %v", diags, problems)
			}
		})
	}
}
