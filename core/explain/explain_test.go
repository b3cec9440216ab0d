package explain_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/explain"
)

// release is the document that rules are tested with.
func release(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("../../plugins/policy/opa/testdata/release.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fakePipeline remembers what it was asked.
type fakePipeline struct {
	stage string
	words []string
}

func (f *fakePipeline) Stage(name string, words []string) (hcl.Range, string, bool) {
	f.stage, f.words = name, words
	return hcl.Range{Filename: "pipeline.hcl", Start: hcl.Pos{Line: 7, Column: 1}}, `stage "` + name + `"`, true
}

func (*fakePipeline) Maker(string) string { return "train" }

func denied(v event.Violation) event.Decision {
	return event.Decision{
		Verdict: "deny", For: "serve", Rules: []string{"a", "b", "c"}, Violations: []event.Violation{v},
		Warnings: []event.Violation{{Rule: "c", Message: "look"}},
	}
}

func TestFactsOfAFinding(t *testing.T) {
	t.Parallel()
	input := release(t)
	for name, test := range map[string]struct {
		violation event.Violation
		want      []string
		stage     string
	}{
		"a fact": {
			event.Violation{Facts: []string{"target.namespace"}},
			[]string{`target.namespace is verified: "models", from `}, "serve",
		},
		"of an artifact": {
			event.Violation{Subject: "models/digits", Facts: []string{"artifacts.format"}},
			[]string{`artifacts[0].format is verified: "safetensors", from `}, "train",
		},
		"of every artifact": {
			event.Violation{Facts: []string{"input.artifacts.format"}},
			[]string{"artifacts[0].format is ", "artifacts[1].format is "}, "serve",
		},
		"of an object": {
			event.Violation{Subject: "Deployment digits container server", Facts: []string{"workload.objects"}},
			[]string{`is verified: "Deployment digits", from `}, "serve",
		},
		"of the run": {
			event.Violation{Facts: []string{"run.git.clean"}},
			[]string{"run.git.clean is verified: true, from git, checked 2026-03-01T12:00:00Z"}, "",
		},
		"of the runner": {
			event.Violation{Facts: []string{"now"}}, []string{`now = "2026-03-01T12:00:00Z"`}, "",
		},
		"of nobody": {
			event.Violation{Facts: []string{"no.such"}}, []string{"no.such is not in the input"}, "serve",
		},
		"without facts": {event.Violation{}, nil, "serve"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &fakePipeline{}
			e, err := explain.Explain(denied(test.violation), input, p)
			if err != nil {
				t.Fatal(err)
			}
			f := e.Violations[0]
			if len(f.Facts) != len(test.want) {
				t.Fatalf("facts: %v", f.Facts)
			}
			for i, want := range test.want {
				if got := f.Facts[i].String(); !strings.Contains(got, want) {
					t.Errorf("fact %d is %q, want %q", i, got, want)
				}
			}
			if f.Stage != test.stage || (f.Place != nil) != (test.stage != "") {
				t.Errorf("stage = %q at %+v, want %q", f.Stage, f.Place, test.stage)
			}
		})
	}
}

func TestExplanationOfADecision(t *testing.T) {
	t.Parallel()
	p := &fakePipeline{}
	d := denied(event.Violation{
		Rule: "a", Message: "the variable DB_PASSWORD holds a secret", Subject: "Deployment digits container server", Facts: []string{"workload.objects"},
	})
	d.Warnings = nil
	e, err := explain.Explain(d, release(t), p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b", "c"}, e.Passed); diff != "" || e.Environment != "production" {
		t.Errorf("environment %q, passed (-want +got):\n%s", e.Environment, diff)
	}
	want := strings.Fields("objects the variable DB_PASSWORD holds a secret Deployment digits container server")
	if diff := cmp.Diff(want, p.words); diff != "" || p.stage != "serve" {
		t.Errorf("asked about %q (-want +got):\n%s", p.stage, diff)
	}
}

// Names of artifacts are not unique: a server may be called like its model.
func TestOneNameForSeveralArtifacts(t *testing.T) {
	t.Parallel()
	input := `{"artifacts":[{"name":"spam","kind":"other","digest":"d1"},{"name":"spam","kind":"model","digest":"d2"},{"name":"spam","kind":"image","digest":"d3"}]}`
	for subject, want := range map[string]string{"spam": "d2", "d1": "d1", "d3": "d3"} {
		p := &makers{}
		if _, err := explain.Explain(denied(event.Violation{Subject: subject}), []byte(input), p); err != nil || p.asked != want {
			t.Errorf("%s is %q, want %q (%v)", subject, p.asked, want, err)
		}
	}
}

// makers remembers the artifact that it was asked about.
type makers struct {
	fakePipeline
	asked string
}

func (m *makers) Maker(digest string) string {
	m.asked = digest
	return ""
}

// Objects may hold what nobody should see, and a value may be of any size.
func TestValuesAreBounded(t *testing.T) {
	t.Parallel()
	object := `{"kind":"ConfigMap","metadata":{"name":"c%d"},"data":{"token":"hunter2"}}`
	fact := `{"state":"verified","value":%s,"source":"s","checked_at":null}`
	input := fmt.Sprintf(`{"workload":{"objects":%s},"facts":{"acme.big":%s}}`,
		fmt.Sprintf(fact, "["+fmt.Sprintf(object, 1)+","+fmt.Sprintf(object, 2)+"]"),
		fmt.Sprintf(fact, `"`+strings.Repeat("x", 5000)+`"`))
	e, err := explain.Explain(denied(event.Violation{Facts: []string{"workload.objects", "acme.big"}}), []byte(input), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []explain.Fact{
		{Name: "workload.objects", State: "verified", Value: []any{"ConfigMap c1", "ConfigMap c2"}, Source: "s"},
		{Name: "facts.acme.big", State: "verified", Bytes: 5002, Source: "s"},
	}
	if diff := cmp.Diff(want, e.Violations[0].Facts, cmpopts.IgnoreUnexported(explain.Fact{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	many := make([]string, 100)
	for i := range many {
		many[i] = "acme.big"
	}
	e, err = explain.Explain(denied(event.Violation{Facts: many}), []byte(input), nil)
	if err != nil || len(e.Violations[0].Facts) != 20 {
		t.Errorf("%v, %v", e, err)
	}
}

func TestWithoutADocument(t *testing.T) {
	t.Parallel()
	e, err := explain.Explain(denied(event.Violation{Rule: "a", Facts: []string{"now"}}), nil, nil)
	if err != nil || len(e.Violations) != 1 || len(e.Violations[0].Facts) != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := explain.Explain(denied(event.Violation{}), []byte("{"), nil); err == nil {
		t.Error("a document that is none is taken")
	}
}
