package docs_test

import (
	"os"
	"testing"
)

// The picture in the guide is what the runner draws of the example.
func TestPictureIsFresh(t *testing.T) {
	t.Parallel()
	if os.Getenv("STAGEGATE_BIN") == "" {
		t.Skip("the runner has no plugins beside it: STAGEGATE_BIN is not set")
	}
	want, err := program(t.Context(), "cmd/runner", "graph", "../examples/pipelines/digits", "--format", "svg")
	if err != nil {
		t.Fatal(err)
	}
	if read(t, "docs/digits.svg").text != string(want) {
		t.Error("docs/digits.svg is stale; run: runner graph examples/pipelines/digits -o docs/digits.svg")
	}
}
