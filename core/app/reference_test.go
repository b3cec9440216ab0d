package app_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/app"
)

func TestReferenceIsFresh(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	if err := app.Reference(&want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("docs/cli.md is stale; run go generate ./core/app:\n%s", diff)
	}
}
