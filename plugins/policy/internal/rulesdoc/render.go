package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/plugins/policy/opa"
)

const header = `<!-- Written by go run ./plugins/policy/internal/rulesdoc docs/rules.md; do not edit. -->
# The built-in compliance bundle

These rules govern every deployer stage unless the operator's configuration names policies of its own. They judge what will really be
applied (the rendered objects of the plan) and what is known about it. A rule asks whether something is known to be good: a fact that is
unknown or missing denies.

A rule that *denies* keeps the plan from being applied; one that *warns* shows in the decision and does not. Rules that judge a
*deployment* have nothing to say when a run deploys nothing. A fact is *verified* (the runner or a plugin saw it), *declared* (the
operator answers for it), *unknown* or *absent*; declared facts count unless the environment is in ` + "`verified_environments`" + `.
`

// parameterMeaning is what each parameter of the bundle means. A parameter that
// is missing here fails the test.
func parameterMeaning() map[string]string {
	return map[string]string{
		"allowed_registries":     "Registries, or paths in them, that images and models may come from. Empty: from anywhere, with a warning.",
		"clean_environments":     "Environments that take releases of a clean commit only.",
		"encrypted_classes":      "Storage classes that the operator knows to encrypt, whatever their parameters say.",
		"encrypted_environments": "Environments in which weights must be encrypted where they are stored.",
		"extra_kinds":            "Kinds of objects, beside the built-in ones, that plans may hold.",
		"max_gpus_per_pod":       "The most accelerators that one pod may ask for.",
		"verified_environments":  "Environments in which declared facts do not count.",
	}
}

func render(ctx context.Context) ([]byte, error) {
	rules, err := opa.BuiltinRules(ctx)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(header)
	if err := parameters(&b); err != nil {
		return nil, err
	}
	b.WriteString("\n## Rules\n\n| Rule | Says | Severity | Judges |\n|---|---|---|---|\n")
	for _, r := range rules {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s |\n", r.ID, r.ID, r.Title, r.Severity, r.Judges)
	}
	group := ""
	for _, r := range rules {
		if r.Group != group {
			group = r.Group
			fmt.Fprintf(&b, "\n## Group %s\n", group)
		}
		rule(&b, r)
	}
	return b.Bytes(), nil
}

func parameters(b *bytes.Buffer) error {
	defaults, err := opa.BuiltinParameters()
	if err != nil {
		return err
	}
	b.WriteString("\n## Parameters\n\nThe operator sets them in the runner's configuration, under `parameters` of a `policy.opa` policy.\n\n| Parameter | Default | Meaning |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		meaning, ok := parameterMeaning()[name]
		if !ok {
			return fmt.Errorf("parameter %s has no meaning here", name)
		}
		value, err := json.Marshal(defaults[name])
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", name, value, meaning)
	}
	return nil
}

func rule(b *bytes.Buffer, r opa.Rule) {
	var does []string
	if r.Denies {
		does = append(does, "denies")
	}
	if r.Warns {
		does = append(does, "warns")
	}
	fmt.Fprintf(b, "\n### %s\n\n**%s** (%s, %s)\n\n%s\n\n", r.ID, r.Title, r.Severity, strings.Join(does, " and "), r.Description)
	fmt.Fprintf(b, "- What to do: %s\n- Rests on: `%s`\n- Controls: %s\n", r.Remedy, strings.Join(r.Facts, "`, `"), strings.Join(r.Controls, ", "))
}
