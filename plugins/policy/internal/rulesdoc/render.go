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

There are five groups: *baseline* (what pods may do), *encryption* (at rest and on the way), *access* (rights in the cluster), *supply-chain*
(where images and models come from) and *production* (who may change what, when, on what evidence). To take some of them, name them in
` + "`groups`" + ` of the operator's policy: ` + "`groups = [\"baseline\", \"encryption\"]`" + `. [operators.md](operators.md#policies) has an example. They lie in folders of
their own in [the bundle](../plugins/policy/opa/bundle/stagegate).
`

// parameterMeaning is what each parameter of the bundle means. A parameter that
// is missing here fails the test.
func parameterMeaning() map[string]string {
	return map[string]string{
		"allowed_algorithms":      "Algorithms that weights may be encrypted with.",
		"allowed_builders":        "Builders, as provenance names them, that images and models may come from. Empty: any that is known.",
		"allowed_keys":            "For each environment, the keys that may open weights there: fingerprints of recipients, names of keys of a KMS.",
		"allowed_signers":         "Whose signatures count: public keys, as `sha256:` and their digest, and identities of certificates, as issuer, space and identity. Empty: any that is known.",
		"allowed_sources":         "Repositories, as provenance names them, that images and models may be built from. Empty: any that is known.",
		"change_windows":          "For each environment, a list of `{days, from, to}` in UTC, such as `{days = [\"Monday\"], from = \"08:00\", to = \"16:00\"}`. An environment that is not there may change at any time.",
		"deployers":               "For each environment, who may deploy: accounts, and `group:<name>`.",
		"max_approval_hours":      "For how many hours an approval may count in production environments.",
		"max_break_glass_hours":   "How many hours ahead the end of an emergency may lie.",
		"max_key_age_days":        "After how many days a key has to be rotated.",
		"max_scan_age_days":       "How old the database of a scan may be.",
		"min_approvals":           "How many people have to approve a plan for a production environment.",
		"production_environments": "Environments in which the rules that say so deny.",
		"allowed_registries":      "Registries, or paths in them, that images and models may come from. Empty: from anywhere, with a warning.",
		"clean_environments":      "Environments that take releases of a clean commit only.",
		"encrypted_classes":       "Storage classes that the operator knows to encrypt, whatever their parameters say.",
		"encrypted_environments":  "Environments in which weights must be encrypted where they are stored.",
		"extra_kinds":             "Kinds of objects, beside the built-in ones, that plans may hold.",
		"max_gpus_per_pod":        "The most accelerators that one pod may ask for.",
		"verified_environments":   "Environments in which declared facts do not count.",
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
