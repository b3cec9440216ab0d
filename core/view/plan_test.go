package view_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/preview"
	"github.com/stagegate/stagegate/core/view"
)

// forecastOf is a preview in which there is one of everything.
func forecastOf() *preview.Preview {
	value := func(text string) json.RawMessage { return json.RawMessage(text) }
	p := &preview.Preview{
		Pipeline: "digits", Description: "A classifier", Commit: "0123456789abcdef", Clean: false,
		Targets: []string{"stage.serve", "module.m"}, Whole: 40, Timeout: 7200,
		Stages: []*preview.Stage{
			{Name: "train", Uses: "build.command", Kind: "builder", Action: preview.Cached, Reason: "nothing that it depends on has changed"},
			{
				Name: "weights", Uses: "build.model", Kind: "builder", Action: preview.Run, Reason: "after stage.train",
				Arguments: []preview.Argument{
					{Path: "name", Value: value(`"digits"`)},
					{Path: "artifact", Value: value(`{"name":"w","digest":"sha256:0123456789abcdef0123","media_type":"x","size":1}`)},
					{Path: "command[0]", Value: value(`"./pack && <sign>"`)},
					{Path: "command[1]", KnownAfter: []string{"stage.train"}},
					{Path: "env[\"TOKEN\"]", Sensitive: true},
					{Path: "env[\"KEY\"]", Sensitive: true, KnownAfter: []string{"stage.train", "stage.other"}},
					{Path: "label", KnownAfter: []string{preview.AfterRun}},
					{Path: "settings", Value: value(`{"a":[1,2.50,true],"b":12345678901234567890}`)},
					{Path: "text", Value: value(`"` + strings.Repeat("long ", 40) + `"`)},
				},
				Secrets: []string{"registry", "signing"},
				Limits:  preview.Limits{Timeout: 5400, Retry: &preview.Retry{Attempts: 3, Backoff: 5}},
			},
			{Name: "nightly", Uses: "test.command", Kind: "tester", Action: preview.Skip, Reason: "when = var.nightly is false"},
			{Name: "diagnose", Uses: "test.command", Kind: "tester", Action: preview.Undecided, Reason: "it runs when something that it needs has failed"},
			{
				Name: "broken", Uses: "test.command", Kind: "tester", Action: preview.Run, Reason: "its configuration is not valid",
				Problems: []event.Diagnostic{
					{Severity: "error", Summary: "No such file", Detail: "The folder has no file data.csv.", File: "pipeline.hcl", Line: 7},
					{Severity: "warning", Summary: "It is old"},
				},
			},
			{
				Name: "serve", Uses: "deploy.kubernetes", Kind: "deployer", Action: preview.Run, Reason: "after stage.weights",
				Environment: &preview.Argument{Path: "environment", Value: value(`"production"`)},
				Limits: preview.Limits{
					Concurrency: &preview.Concurrency{Group: "prod", Mode: "cancel_older"},
					Approval:    &preview.Approval{Required: 2, Approvers: []string{"alice", "bob"}, Expires: 86400},
				},
				Deployment: &preview.Deployment{State: preview.Planned, Plan: &event.Plan{
					Digest: "sha256:aa", Target: "cluster prod, namespace digits", Notes: []string{"each pod needs 1 nvidia.com/gpu"},
					Changes: []event.Change{
						{Action: "create", Object: "Service digits/digits"},
						{Action: "update", Object: "Deployment digits/digits", Diff: "  spec:\n- replicas: 1\n+ replicas: 2\n"},
						{Action: "delete", Object: "ConfigMap digits/old"},
						{Action: "none", Object: "ServiceAccount digits/digits"},
						{Action: "unknown", Object: "Secret digits/tls"},
					},
				}},
				Decision: &preview.Decision{
					Verdict: preview.Deny, Policies: []string{"policy.opa/compliance@1.0.0 sha256:ff"}, Rules: []string{"a", "b"},
					Violations: []event.Violation{{Rule: "images_pinned", Message: "it is not pinned", Subject: "Deployment digits", Remedy: "Pin it."}},
					Open: []preview.Open{
						{Violation: event.Violation{Rule: "evals_passed", Message: "no evaluation"}, Awaits: []string{preview.FactEvals, preview.FactArtifacts}},
					},
					Warnings: []event.Violation{{Rule: "registry_allowed", Message: "anywhere"}},
					Awaits: []preview.Awaited{
						{Fact: preview.FactEvals, From: []string{"stage.accuracy"}}, {Fact: preview.FactArtifacts, From: []string{"stage.weights"}, More: 7},
					},
				},
			},
			{
				Name: "later", Uses: "deploy.kubernetes", Kind: "deployer", Action: preview.Run, Reason: "after stage.weights",
				Limits:     preview.Limits{Approval: &preview.Approval{Required: 1}},
				Deployment: &preview.Deployment{State: preview.Later, Awaits: []string{"stage.weights", "stage.image"}},
				Decision: &preview.Decision{
					Verdict: preview.Unknown, Policies: []string{"policy.opa/compliance@1.0.0 sha256:ff"}, Rules: []string{"a", "b"},
					Open: []preview.Open{
						{Violation: event.Violation{Rule: "a", Message: "m"}, Awaits: []string{preview.FactPlan}},
						{Violation: event.Violation{Rule: "a", Message: "n"}, Awaits: []string{preview.FactPlan}},
						{Violation: event.Violation{Rule: "b", Message: "m"}, Awaits: []string{preview.FactPlan}},
					},
					Awaits: []preview.Awaited{{Fact: preview.FactPlan, From: []string{"stage.later"}}, {Fact: preview.FactEnvironment, From: []string{"run"}}},
				},
			},
			{
				Name: "edge", Uses: "deploy.kubernetes", Kind: "deployer", Action: preview.Run, Reason: "nothing keeps it waiting",
				Deployment: &preview.Deployment{State: preview.Failed, Failure: &event.Failure{Summary: "the cluster does not answer", Detail: "Is it there?"}},
				Decision:   &preview.Decision{Verdict: preview.Fault, Error: "the policy crashed"},
			},
			{
				Name: "spare", Uses: "deploy.kubernetes", Kind: "deployer", Action: preview.Run, Reason: "nothing keeps it waiting",
				Deployment: &preview.Deployment{State: preview.NotAsked},
				Decision:   &preview.Decision{Verdict: preview.Allow, Policies: []string{"acme.policy/house sha256:ff"}, Rules: []string{"a"}},
			},
		},
	}
	p.Summarize()
	return p
}

func TestPlanGolden(t *testing.T) {
	t.Parallel()
	for name, color := range map[string]bool{"plan.golden": false, "plan_color.golden": true} {
		var out bytes.Buffer
		if err := view.Plan(&out, forecastOf(), color); err != nil {
			t.Fatal(err)
		}
		golden(t, name, out.Bytes())
	}
}

// TestPlanCannotSteerTheTerminal: values, diffs and messages are hostile.
func TestPlanCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	const evil = "\x1b]0;owned\x07\u202e"
	text, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	p := &preview.Preview{Pipeline: evil, Stages: []*preview.Stage{{
		Name: evil, Uses: evil, Reason: evil, Action: preview.Run,
		Arguments:  []preview.Argument{{Path: evil, Value: text}, {Path: "x", Value: json.RawMessage("{\"" + "\u202e" + "\":1}")}},
		Problems:   []event.Diagnostic{{Summary: evil, Detail: evil}},
		Deployment: &preview.Deployment{Plan: &event.Plan{Target: evil, Notes: []string{evil}, Changes: []event.Change{{Object: evil, Diff: evil}}}},
		Decision:   &preview.Decision{Error: evil, Verdict: preview.Fault, Violations: []event.Violation{{Rule: evil, Message: evil}}},
	}}}
	var out bytes.Buffer
	if err := view.Plan(&out, p, false); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.ContainsAny(got, "\x1b\x07\u202e") {
		t.Errorf("control characters in %q", got)
	}
}

func TestPlanOfAHugeConfigurationIsCut(t *testing.T) {
	t.Parallel()
	s := &preview.Stage{Name: "s", Uses: "u", Action: preview.Run}
	for i := range 1000 {
		s.Arguments = append(s.Arguments, preview.Argument{Path: fmt.Sprintf("env[%q]", fmt.Sprint(i)), Value: json.RawMessage("1")})
	}
	var out bytes.Buffer
	if err := view.Plan(&out, &preview.Preview{Stages: []*preview.Stage{s}}, false); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\n"); got > 80 || !strings.Contains(out.String(), "and 940 more") {
		t.Errorf("%d lines", got)
	}
}
