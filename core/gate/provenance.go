package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/provenance"
	"github.com/stagegate/stagegate/sdk/decision"
)

// Provenance is what a verified statement says of how an artifact came to be.
type Provenance struct {
	PredicateType string `json:"predicate_type"`
	BuildType     string `json:"build_type"`
	BuilderID     string `json:"builder_id"`
	SourceURI     string `json:"source_uri"`
	SourceRef     string `json:"source_ref"`
	SourceDigest  string `json:"source_digest"` // of the commit
	// ParametersKnown says that the statement lists what it was built with.
	ParametersKnown bool `json:"parameters_known"`
}

// attested are the facts that rest on statements about an artifact. Only what a
// key of the trust root has signed counts: what a plugin says of itself proves
// nothing.
func (g *Gate) attested(ctx context.Context, evidence engine.Evidence, digest string) (origin, bom Fact) {
	origin = Fact{State: Absent, Source: "no statement of this run"}
	bom = origin
	for _, a := range evidence.Attestations {
		if a.SubjectDigest != digest {
			continue
		}
		switch {
		case a.PredicateType == provenance.PredicateType && origin.State != Verified:
			origin = g.provenanceFact(ctx, a)
		case isBOM(a.PredicateType) && bom.State != Verified:
			bom = Fact{State: Verified, Value: quote(a.Digest), Source: "statement of type " + a.PredicateType}
		}
	}
	return origin, bom
}

func isBOM(predicateType string) bool {
	return strings.HasPrefix(predicateType, "https://spdx.dev/Document") || strings.HasPrefix(predicateType, "https://cyclonedx.org/bom")
}

func (g *Gate) provenanceFact(ctx context.Context, a event.Attestation) Fact {
	out := Fact{State: Unknown, Source: "statement " + a.Digest}
	p, err := g.readProvenance(ctx, a)
	if err != nil {
		out.Source += ": " + err.Error()
		return out
	}
	if out.Value, err = json.Marshal(p); err != nil {
		out.Source += ": " + err.Error()
		return out
	}
	out.State = Verified
	return out
}

func (g *Gate) readProvenance(ctx context.Context, a event.Attestation) (*Provenance, error) {
	if g.opts.Blob == nil || a.EnvelopeDigest == "" {
		return nil, errors.New("its signature cannot be checked here")
	}
	envelope, err := g.opts.Blob(ctx, a.EnvelopeDigest)
	if err != nil {
		return nil, err
	}
	root, err := decision.LoadTrustRoot(g.opts.TrustRoot)
	if err != nil {
		return nil, err
	}
	raw, err := decision.OpenStatement(envelope, root)
	if err != nil {
		return nil, err
	}
	return parseProvenance(raw, a.SubjectDigest)
}

// statement is as much of an in-toto statement as facts are made of.
type statement struct {
	Subject []struct {
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
	PredicateType string `json:"predicateType"`
	Predicate     struct {
		Definition struct {
			BuildType    string          `json:"buildType"`
			External     json.RawMessage `json:"externalParameters"`
			Dependencies []struct {
				Name   string            `json:"name"`
				URI    string            `json:"uri"`
				Digest map[string]string `json:"digest"`
			} `json:"resolvedDependencies"`
		} `json:"buildDefinition"`
		Details struct {
			Builder struct {
				ID string `json:"id"`
			} `json:"builder"`
		} `json:"runDetails"`
	} `json:"predicate"`
}

func parseProvenance(raw []byte, subject string) (*Provenance, error) {
	var s statement
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("read statement: %w", err)
	}
	about := slices.ContainsFunc(s.Subject, func(r struct {
		Digest map[string]string `json:"digest"`
	}) bool {
		return r.Digest["sha256"] != "" && "sha256:"+r.Digest["sha256"] == subject
	})
	if !about || s.PredicateType != provenance.PredicateType {
		return nil, errors.New("it is about something else")
	}
	d := s.Predicate.Definition
	out := &Provenance{
		PredicateType: s.PredicateType, BuildType: d.BuildType, BuilderID: s.Predicate.Details.Builder.ID,
		ParametersKnown: len(d.External) > len("{}") && string(d.External) != "null",
	}
	for _, r := range d.Dependencies {
		if r.Name == "source" {
			out.SourceDigest = r.Digest["gitCommit"]
			out.SourceURI, out.SourceRef, _ = strings.Cut(strings.TrimPrefix(r.URI, "git+"), "@refs/")
			if out.SourceRef != "" {
				out.SourceRef = "refs/" + out.SourceRef
			}
		}
	}
	return out, nil
}
