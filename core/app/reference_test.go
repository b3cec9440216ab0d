package app_test

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/app"
)

func TestReferencesAreFresh(t *testing.T) {
	t.Parallel()
	for path, reference := range map[string]func(io.Writer) error{
		"../../docs/cli.md": app.Reference, "../../docs/json.md": app.JSONReference,
	} {
		var want bytes.Buffer
		if err := reference(&want); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), string(got)); diff != "" {
			t.Errorf("%s is stale; run go generate ./core/app:\n%s", path, diff)
		}
	}
}
