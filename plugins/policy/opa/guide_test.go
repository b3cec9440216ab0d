package opa

import (
	"strings"
	"testing"

	"github.com/stagegate/stagegate/sdk"
)

// The rule that the guide shows is one that works.
func TestRuleOfTheGuide(t *testing.T) {
	t.Parallel()
	_, rest, found := strings.Cut(string(readFile(t, "../../../docs/policy.md")), "```rego\n")
	source, _, ended := strings.Cut(rest, "```")
	if !found || !ended {
		t.Fatal("docs/policy.md shows no rule")
	}
	for limit, want := range map[string]sdk.PolicyVerdict{"1": sdk.VerdictDeny, "2000000000": sdk.VerdictPass} {
		p, err := compile(t.Context(), bundleFiles{
			"size.rego":                      []byte(source),
			"stagegate/parameters/data.json": []byte(`{"max_bytes":` + limit + `}`),
		}, selection{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.judge(t.Context(), readFile(t, "testdata/release.json"))
		if err != nil || got.Verdict != want || len(p.doubts) > 0 {
			t.Errorf("limit %s: got %+v, %v, doubts %v", limit, got, err, p.doubts)
		}
	}
}
