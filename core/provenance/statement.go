package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/event"
)

type statement struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     predicate  `json:"predicate"`
}

// resource is in-toto's ResourceDescriptor.
type resource struct {
	Name        string            `json:"name,omitempty"`
	URI         string            `json:"uri,omitempty"`
	Digest      map[string]string `json:"digest,omitempty"`
	MediaType   string            `json:"mediaType,omitempty"`
	Annotations map[string]any    `json:"annotations,omitempty"`
}

type predicate struct {
	Definition definition `json:"buildDefinition"`
	Details    details    `json:"runDetails"`
}

type definition struct {
	BuildType    string         `json:"buildType"`
	External     external       `json:"externalParameters"`
	Internal     map[string]any `json:"internalParameters,omitempty"`
	Dependencies []resource     `json:"resolvedDependencies"`
}

// external are the parameters that whoever writes or starts the pipeline
// controls.
type external struct {
	Pipeline    string         `json:"pipeline"`
	Stage       string         `json:"stage"`
	Uses        string         `json:"uses"`
	Environment string         `json:"environment,omitempty"`
	Ref         string         `json:"ref,omitempty"`
	Variables   map[string]any `json:"variables,omitempty"`
	With        any            `json:"with"`
}

type details struct {
	Builder  builder  `json:"builder"`
	Metadata metadata `json:"metadata"`
}

type builder struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version"`
}

type metadata struct {
	InvocationID string    `json:"invocationId"`
	StartedOn    time.Time `json:"startedOn"`
	FinishedOn   time.Time `json:"finishedOn"`
}

// Statement is what is to be signed. It is about all artifacts of the attempt.
func Statement(b Build) ([]byte, error) {
	if len(b.Artifacts) == 0 {
		return nil, errors.New("state provenance: there is no artifact")
	}
	with, err := parameters(b.Config)
	if err != nil {
		return nil, fmt.Errorf("state provenance: %w", err)
	}
	s := statement{
		Type: StatementType, PredicateType: PredicateType, Subject: artifacts(b.Artifacts),
		Predicate: predicate{
			Definition: definition{
				BuildType: BuildType,
				External: external{
					Pipeline: b.Run.Pipeline, Stage: b.Stage, Uses: b.Info.Uses, Environment: b.Environment, Ref: b.Run.Ref,
					Variables: variables(b.Run.Variables), With: with,
				},
				Internal:     map[string]any{"stagegate_run": b.RunID, "stagegate_attempt": b.Attempt},
				Dependencies: append(sources(b), artifacts(b.Inputs)...),
			},
			Details: details{
				Builder:  builder{ID: builderID(b.Run.Trigger), Version: map[string]string{"stagegate": b.Run.Runner}},
				Metadata: metadata{InvocationID: invocation(b), StartedOn: b.Started.UTC(), FinishedOn: b.Finished.UTC()},
			},
		},
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("state provenance: %w", err)
	}
	return masked(raw, b.Mask)
}

func invocation(b Build) string { return fmt.Sprintf("%s/%s/%d", b.RunID, b.Stage, b.Attempt) }

// sources are what every stage of a run is made from: the commit, the files of
// the pipeline, and the plugin.
func sources(b Build) []resource {
	var out []resource
	if b.Run.Commit != "" {
		source := resource{
			Name: "source", Digest: map[string]string{"gitCommit": b.Run.Commit},
			// A tree with changes is more than its commit.
			Annotations: map[string]any{"stagegate_clean": b.Run.Clean},
		}
		if b.Repository != "" {
			source.URI = "git+" + b.Repository
			if b.Run.Ref != "" {
				source.URI += "@" + b.Run.Ref
			}
		}
		out = append(out, source)
	}
	plugin, _, _ := strings.Cut(b.Info.Uses, ".")
	for _, r := range []resource{
		{Name: "pipeline", URI: "stagegate:pipeline/" + b.Run.Pipeline, Digest: digestOf(b.Run.Digest)},
		{Name: "plugin", URI: "stagegate:plugin/" + plugin, Digest: digestOf(b.Info.PluginDigest)},
	} {
		if r.Digest != nil {
			out = append(out, r)
		}
	}
	return out
}

// artifacts lists each once. A place on this machine is nobody's business.
func artifacts(in []event.Artifact) []resource {
	out := make([]resource, 0, len(in))
	seen := make(map[string]bool, len(in))
	for _, a := range in {
		if key := a.Name + "\x00" + a.Digest; !seen[key] {
			seen[key] = true
			r := resource{Name: a.Name, Digest: digestOf(a.Digest), MediaType: a.MediaType}
			if strings.HasPrefix(a.Location, "oci://") {
				r.URI = a.Location
			}
			out = append(out, r)
		}
	}
	return out
}

// digestOf is "sha256:<hex>" as in-toto writes it; nil for anything else.
func digestOf(digest string) map[string]string {
	sum, ok := strings.CutPrefix(digest, "sha256:")
	if !ok || sum == "" {
		return nil
	}
	return map[string]string{"sha256": sum}
}

// masked is a document in which every text has gone through the mask.
func masked(raw []byte, mask func(string) string) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("state provenance: %w", err)
	}
	out, err := json.Marshal(walk(v, mask))
	if err != nil {
		return nil, fmt.Errorf("state provenance: %w", err)
	}
	return out, nil
}

func walk(v any, mask func(string) string) any {
	switch v := v.(type) {
	case string:
		return mask(v)
	case []any:
		for i := range v {
			v[i] = walk(v[i], mask)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, element := range v {
			out[mask(key)] = walk(element, mask)
		}
		return out
	}
	return v
}
