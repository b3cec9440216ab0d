package handbook_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/handbook"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

var update = flag.Bool("update", false, "rewrite the expected pages")

// component has one of everything.
func component() *pluginv1.Component {
	text := func(name, ty, description string) *pluginv1.Attribute {
		return &pluginv1.Attribute{Name: name, Type: []byte(ty), Description: description}
	}
	required := func(a *pluginv1.Attribute) *pluginv1.Attribute {
		a.Required = true
		return a
	}
	old := text("old", `"dynamic"`, "Was so. Default: none at all.")
	old.Sensitive, old.Deprecated = true, "Write command."
	artifact := `["object",{"annotations":["map","string"],"digest":"string","location":"string","media_type":"string","name":"string","size":"number"}]`
	return &pluginv1.Component{
		Name: "command", Kind: pluginv1.Kind_KIND_DEPLOYER, Effect: pluginv1.Effect_EFFECT_ONCE,
		Description: "Runs it. Twice,\nand then once more: this is long enough to be wrapped, at every width that is used here or anywhere else.\n\n- First\n- Second, which is an item that goes on and on until it has to be wrapped as well, and keeps its place.\n",
		Config: &pluginv1.Block{
			Attributes: []*pluginv1.Attribute{
				required(text("command", `["list","string"]`, "One | two.\nThree.")), old,
				required(text("sizes", `["map",["tuple",["number","bool"]]]`, "Sizes.")),
				required(text("where", `["object",{"city":"string","house":"number","note":"string"},["note"]]`, "Where.")),
				text("count", `"number"`, "How many. Default: `1`. More is slower."),
				required(text("made", artifact, "What was made.")),
			},
			Blocks: []*pluginv1.NestedBlock{
				{TypeName: "a", Nesting: pluginv1.Nesting_NESTING_SINGLE, Block: &pluginv1.Block{Description: "Single."}},
				{TypeName: "b", Nesting: pluginv1.Nesting_NESTING_MAP, MinItems: 2, Label: "Its name.", Block: &pluginv1.Block{
					Description: "By label.", Attributes: []*pluginv1.Attribute{required(text("x", `"number"`, "X."))},
					Blocks: []*pluginv1.NestedBlock{{TypeName: "deep", Nesting: pluginv1.Nesting_NESTING_SINGLE, MinItems: 1, Block: &pluginv1.Block{
						Description: "Within.", Attributes: []*pluginv1.Attribute{text("y", `["set","bool"]`, "Y.")},
					}}},
				}},
				{TypeName: "c", Nesting: pluginv1.Nesting_NESTING_LIST, Block: &pluginv1.Block{Description: "List."}},
			},
		},
		Outputs: []*pluginv1.Attribute{text("made", `["map",["set","number"]]`, "Numbers.")},
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	page, err := handbook.Read("test", component())
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{
		"page.md": page.Markdown(2), "narrow.txt": page.Text(1), "page.txt": page.Text(0), "wide.txt": page.Text(1000), "skeleton.hcl": page.Example,
	} {
		golden(t, name, got)
	}
	for _, width := range []int{40, 80} {
		for line := range strings.Lines(page.Text(width)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("a line has %d columns, and there are %d: %q", n, width, line)
			}
		}
	}
	arguments := make(map[string]handbook.Argument)
	for _, a := range page.Arguments {
		arguments[a.Name] = a
	}
	if got := arguments["count"].Default; got != "1" {
		t.Errorf("the default of count is %q", got)
	}
	if got := arguments["old"]; got.Default != "none at all" || !got.Sensitive || got.Deprecated != "Write command." || got.Required {
		t.Errorf("old is %+v", got)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), -update rewrites it:\n%s", name, diff)
	}
}

func TestOwnExample(t *testing.T) {
	t.Parallel()
	page, err := handbook.Read("test", &pluginv1.Component{Name: "x", Example: "own\n", Effect: pluginv1.Effect_EFFECT_PURE})
	if err != nil || page.Example != "own\n" || page.Effect != "pure" {
		t.Errorf("got %+v, %v", page, err)
	}
}

// Descriptions come from plugins: whatever they claim, a page has an end.
func TestBounds(t *testing.T) {
	t.Parallel()
	var config *pluginv1.Block
	for range 100 {
		config = &pluginv1.Block{Blocks: []*pluginv1.NestedBlock{
			{TypeName: "a", Nesting: pluginv1.Nesting_NESTING_LIST, MinItems: 1 << 62, Block: config},
		}}
	}
	page, err := handbook.Read("test", &pluginv1.Component{Name: "x", Config: config})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(page.Markdown(2)) + len(page.Text(80)); n > 1<<20 {
		t.Errorf("the page has %d bytes", n)
	}
	if _, err := handbook.Read("test", &pluginv1.Component{Name: "x", Outputs: []*pluginv1.Attribute{{Name: "o", Type: []byte("?")}}}); err == nil {
		t.Error("an output without a type has a page")
	}
}
