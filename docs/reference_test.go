package docs_test

import (
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/config/function"
	"github.com/stagegate/stagegate/core/handbook"
	"github.com/stagegate/stagegate/docs/internal/reference"
	"google.golang.org/protobuf/proto"
)

func TestComponentsAreFresh(t *testing.T) {
	t.Parallel()
	list, err := descriptions()
	if err != nil {
		t.Fatal(err)
	}
	want, err := reference.Components(list)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, read(t, "docs/components.md").text); diff != "" {
		t.Errorf("docs/components.md is stale; run make generate (-want +got):\n%s", diff)
	}
}

func TestProtocolIsFresh(t *testing.T) {
	t.Parallel()
	messages, err := reference.Protocol(os.DirFS(filepath.Join(root, "sdk/proto/runner/plugin/v1")))
	if err != nil {
		t.Fatal(err)
	}
	guide := read(t, "docs/protocol.md").text
	want, err := reference.Section(guide, "messages", messages)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, guide); diff != "" {
		t.Errorf("docs/protocol.md is stale; run make generate (-want +got):\n%s", diff)
	}
}

func TestEveryFunctionIsListed(t *testing.T) {
	t.Parallel()
	want := append(slices.Collect(maps.Keys(function.Table(function.Below(function.Folder{Top: "/", Dir: "."})))), "secret")
	same(t, "functions", want, read(t, "docs/pipelines.md").column(t, "## Functions", 2))
}

func TestEveryEventIsListed(t *testing.T) {
	t.Parallel()
	var want []string
	inspect(t, "core/event/event.go", func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != "Type" {
			return false
		}
		for _, v := range spec.Values {
			if text, ok := v.(*ast.BasicLit); ok {
				value, err := strconv.Unquote(text.Value)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, value)
			}
		}
		return false
	})
	got := read(t, "docs/operators.md").column(t, "## JSON", 1)
	got = slices.DeleteFunc(got, func(s string) bool { return s == "type" }) // the heading of the column
	same(t, "events", want, got)
}

func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the %s of the code and of the guide differ (-code +guide):\n%s", what, diff)
	}
}

// What is shown for a component without an example of its own is valid by its
// schema. That of every first-party component is, as a sample of all.
func TestSkeletonsLoad(t *testing.T) {
	t.Parallel()
	plugins := described(t)
	for name, p := range plugins {
		for _, c := range p.GetComponents() {
			bare := proto.CloneOf(c)
			bare.Example = ""
			page, err := handbook.Read(name, bare)
			if err != nil {
				t.Fatal(err)
			}
			loads(t, page.Example, plugins)
			loads(t, c.GetExample(), plugins)
		}
	}
}
