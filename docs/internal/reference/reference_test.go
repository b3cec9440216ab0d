package reference_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/docs/internal/reference"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

func TestComponents(t *testing.T) {
	t.Parallel()
	got, err := reference.Components([]*pluginv1.DescribeResponse{{Name: "test", Components: []*pluginv1.Component{{
		Name: "command", Kind: pluginv1.Kind_KIND_TESTER, Description: "Runs it. Twice.", Example: "pipeline \"example\" {}\n",
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| [`test.command`](#testcommand) | tester | Runs it. |\n",
		"\n## `test.command`\n\nRuns it. Twice.\n",
		"```hcl\npipeline \"example\" {}\n```\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in:\n%s", want, got)
		}
	}
}

func TestComponentsRefusesWhatItCannotDescribe(t *testing.T) {
	t.Parallel()
	for want, component := range map[string]*pluginv1.Component{
		"test.new: it has no example": {Name: "new"},
		"read the type of broken": {Name: "command", Example: "x", Config: &pluginv1.Block{
			Attributes: []*pluginv1.Attribute{{Name: "broken", Type: []byte("?")}},
		}},
	} {
		_, err := reference.Components([]*pluginv1.DescribeResponse{{Name: "test", Components: []*pluginv1.Component{component}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

const protocol = `syntax = "proto3";

// About nothing.
package x;

// S serves.
service S {
  // M does it.
  rpc M(Req) returns (stream Resp);
}

// Req asks
// for it.
message Req {
  // Which.
  map<string, string> names = 3;
  // One of these.
  oneof body {
    // This.
    Empty empty = 4;
  }
}

// Empty is empty.
message Empty {}

// E counts.
enum E {
  // None.
  E_NONE = 0;
}
`

func TestProtocol(t *testing.T) {
	t.Parallel()
	got, err := reference.Protocol(fstest.MapFS{"x.proto": {Data: []byte(protocol)}})
	if err != nil {
		t.Fatal(err)
	}
	want := "\n### Services\n\n#### `S`\n\nS serves.\n" +
		"\n| Method | Signature | Meaning |\n|---|---|---|\n| `M` | Req → stream Resp | M does it. |\n" +
		"\n### Messages\n\n#### `Empty`\n\nEmpty is empty.\n\n#### `Req`\n\nReq asks for it.\n" +
		"\n| Field | Type | Meaning |\n|---|---|---|\n| `names` | `map<string, string>` 3 | Which. |\n| `body.empty` | `Empty` 4 | This. |\n" +
		"\n### Enums\n\n#### `E`\n\nE counts.\n\n| Value | Number | Meaning |\n|---|---|---|\n| `E_NONE` | 0 | None. |\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := reference.Protocol(fstest.MapFS{}); err == nil {
		t.Error("a folder without a protocol has a reference")
	}
	if _, err := reference.Protocol(fstest.MapFS{"x.proto": {Data: []byte("}\n")}}); err == nil {
		t.Error("a broken file has a reference")
	}
}

func TestSection(t *testing.T) {
	t.Parallel()
	got, err := reference.Section("a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n", "x", "new\n")
	if want := "a\n<!-- begin x -->\nnew\n<!-- end x -->\nb\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if _, err := reference.Section("a\n", "x", "new\n"); err == nil {
		t.Error("a section that is not there was replaced")
	}
}
