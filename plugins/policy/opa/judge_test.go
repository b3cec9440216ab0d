package opa

import (
	"os"
	"testing"

	"github.com/stagegate/stagegate/sdk"
)

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func builtinPolicy(t testing.TB) *policy {
	t.Helper()
	p, err := compile(t.Context(), builtin(), selection{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestReleasePasses(t *testing.T) {
	t.Parallel()
	got, err := builtinPolicy(t).judge(t.Context(), readFile(t, "testdata/release.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Verdict != sdk.VerdictPass || len(got.Rules) < 26 {
		t.Errorf("verdict %v with %d rules: %+v", got.Verdict, len(got.Rules), got.Violations)
	}
	for _, w := range got.Warnings {
		t.Logf("warning: %+v", w)
	}
}
