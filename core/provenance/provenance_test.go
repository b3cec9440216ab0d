package provenance

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
)

func secret(s string) cty.Value { return cty.StringVal(s).Mark(dynamic.Sensitive) }

func build() Build {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	return Build{
		RunID: "20260301-120000-abcd", Stage: `stage.pack["a"]`, Attempt: 2, Environment: "staging", Repository: "https://git.example/digits",
		Info: event.StageInfo{Name: `pack["a"]`, Uses: "build.model", PluginDigest: "sha256:" + strings.Repeat("b", 64)},
		Run: event.Run{
			Pipeline: "digits", Digest: "sha256:" + strings.Repeat("a", 64), Commit: "c0ffee", Ref: "refs/heads/main", Runner: "0.4.0",
			Variables: map[string]string{"tier": `"gold"`, "token": "(sensitive)"},
		},
		Config: cty.ObjectVal(map[string]cty.Value{
			"name": cty.StringVal("digits"), "files": cty.ListVal([]cty.Value{cty.StringVal("out/*"), secret("s3cret")}),
			"sign":  cty.ObjectVal(map[string]cty.Value{"key": secret("PRIVATE"), "method": cty.NullVal(cty.String)}),
			"count": cty.NumberFloatVal(0.5), "pull": cty.True, "title": cty.StringVal("with leaked-word in it"), "unset": cty.NullVal(cty.String),
		}),
		Artifacts: []event.Artifact{
			{Name: "digits", Digest: "sha256:" + strings.Repeat("1", 64), MediaType: "x/y", Location: "oci://r.example/digits@sha256:1"},
			{Name: "digits", Digest: "sha256:" + strings.Repeat("1", 64), MediaType: "x/y", Location: "oci-layout:/home/me/dist@sha256:1"},
		},
		Inputs:  []event.Artifact{{Name: "w", Digest: "sha256:" + strings.Repeat("2", 64), Location: "blob:sha256:2"}},
		Started: at, Finished: at.Add(time.Minute),
		Mask: func(s string) string { return strings.ReplaceAll(s, "leaked-word", "***") },
	}
}

func stated(t *testing.T, b Build) any {
	t.Helper()
	raw, err := Statement(b)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// The form of https://slsa.dev/spec/v1.0/provenance, written out.
func TestStatement(t *testing.T) {
	t.Parallel()
	want := `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1",
	"subject":[{"name":"digits","digest":{"sha256":"` + strings.Repeat("1", 64) + `"},"mediaType":"x/y","uri":"oci://r.example/digits@sha256:1"}],
	"predicate":{
	"buildDefinition":{
		"buildType":"https://github.com/stagegate/stagegate/build/v1",
		"externalParameters":{"pipeline":"digits","stage":"stage.pack[\"a\"]","uses":"build.model","environment":"staging","ref":"refs/heads/main",
			"variables":{"tier":"gold","token":"(sensitive)"},
			"with":{"name":"digits","files":["out/*","(sensitive)"],"sign":{"key":"(sensitive)"},"count":0.5,"pull":true,"title":"with *** in it"}},
		"internalParameters":{"stagegate_run":"20260301-120000-abcd","stagegate_attempt":2},
		"resolvedDependencies":[
			{"name":"source","uri":"git+https://git.example/digits@refs/heads/main","digest":{"gitCommit":"c0ffee"},"annotations":{"stagegate_clean":false}},
			{"name":"pipeline","uri":"stagegate:pipeline/digits","digest":{"sha256":"` + strings.Repeat("a", 64) + `"}},
			{"name":"plugin","uri":"stagegate:plugin/build","digest":{"sha256":"` + strings.Repeat("b", 64) + `"}},
			{"name":"w","digest":{"sha256":"` + strings.Repeat("2", 64) + `"}}]},
	"runDetails":{
		"builder":{"id":"https://github.com/stagegate/stagegate/builder/local","version":{"stagegate":"0.4.0"}},
		"metadata":{"invocationId":"20260301-120000-abcd/stage.pack[\"a\"]/2","startedOn":"2026-03-01T11:00:00Z","finishedOn":"2026-03-01T11:01:00Z"}}}}`
	var wanted any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, stated(t, build())); diff != "" {
		t.Error(diff)
	}
}

// A builder that somebody pushes to is another one than a laptop.
func TestBuilderGoesByTheTrigger(t *testing.T) {
	t.Parallel()
	b := build()
	b.Run.Trigger = "push"
	raw, err := Statement(b)
	if err != nil || !strings.Contains(string(raw), `"id":"https://github.com/stagegate/stagegate/builder/push"`) {
		t.Errorf("%s, %v", raw, err)
	}
}

// What is long is told by its digest, and still tells two apart.
func TestLongParameters(t *testing.T) {
	t.Parallel()
	many := make([]cty.Value, 100_000)
	for i := range many {
		many[i] = cty.StringVal("name")
	}
	for name, long := range map[string]cty.Value{
		"text": cty.StringVal(strings.Repeat("x", maxText+1)), "list": cty.ListVal(many),
	} {
		b := build()
		b.Config = cty.ObjectVal(map[string]cty.Value{"a": long})
		raw, err := Statement(b)
		if err != nil || len(raw) > 8<<10 || !strings.Contains(string(raw), `"stagegate_sha256":"`) {
			t.Errorf("%s: %d bytes, %v", name, len(raw), err)
		}
	}
}

func TestStatementWithoutSource(t *testing.T) {
	t.Parallel()
	b := build()
	b.Run.Commit, b.Info.PluginDigest, b.Config = "", "", cty.NilVal
	raw, err := Statement(b)
	if err != nil || strings.Contains(string(raw), "gitCommit") || strings.Contains(string(raw), `"name":"plugin"`) {
		t.Errorf("%s, %v", raw, err)
	}
	b.Artifacts = nil
	if _, err := Statement(b); err == nil {
		t.Error("a statement about nothing")
	}
}
