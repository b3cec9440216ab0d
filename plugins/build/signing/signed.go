package signing

import (
	"context"
	"encoding/json"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// signatureFile is the name under which clients save a model signature.
const signatureFile = "model.sig"

// Words of sdk.AnnotationSignatures.
const (
	WordCosign = "cosign" // over the manifest
	WordModel  = "oms"    // over the files
	wordNone   = "absent"
)

// MaxStated bounds a statement that the runner is told. A larger one, about some
// thousand files, is with the package alone.
const MaxStated = 512 << 10

// Signed is what was signed, and what is to be said of it. It is stored by
// Attach, after what it is about.
type Signed struct {
	signer  *Signer
	subject ocispec.Descriptor
	model   bool
	made    []made
}

type made struct {
	word     string // empty for a further statement
	document oci.Attachment
	manifest ocispec.Descriptor // that holds it, once it is stored
	stated   sdk.Attestation
}

// manifest signs the manifest.
func (s *Signed) manifest(ctx context.Context) error {
	b, err := cosign.Sign(ctx, s.signer.by, s.subject.Digest)
	if err != nil {
		return err
	}
	return s.add(b, WordCosign, "")
}

// State signs a further statement about the manifest, when anything is signed.
func (s *Signed) State(ctx context.Context, predicateType string, predicate []byte) error {
	if s.signer == nil {
		return nil
	}
	b, err := cosign.Attest(ctx, s.signer.by, s.subject.Digest, "", predicateType, predicate)
	if err != nil {
		return err
	}
	return s.add(b, "", "")
}

func (s *Signed) add(b bundle.Bundle, word, file string) error {
	document, err := cosign.Attachment(b)
	if err != nil {
		return err
	}
	document.File = file
	statement, err := bundle.ParseStatement(b.Unverified())
	if err != nil {
		return err
	}
	envelope, err := json.Marshal(b.Envelope)
	if err != nil {
		return fmt.Errorf("encode envelope: %w", err)
	}
	s.made = append(s.made, made{word: word, document: document, stated: sdk.Attestation{
		SubjectDigest: s.subject.Digest.String(), PredicateType: statement.PredicateType,
		Statement: b.Unverified(), Envelope: envelope,
	}})
	return nil
}

// Place is where a manifest is stored.
type Place interface {
	// Attach stores a document about a manifest beside it.
	Attach(ctx context.Context, subject ocispec.Descriptor, a oci.Attachment) (ocispec.Descriptor, error)
}

// Attach stores the signatures beside the manifest.
func (s *Signed) Attach(ctx context.Context, place Place) error {
	for i := range s.made {
		desc, err := place.Attach(ctx, s.subject, s.made[i].document)
		if err != nil {
			return err
		}
		s.made[i].manifest = desc
	}
	return nil
}

// Annotate adds to the artifact's annotations who has signed what.
func (s Signed) Annotate(notes map[string]string) {
	if s.signer == nil {
		notes[sdk.AnnotationSignatures] = wordNone
		return
	}
	words := ""
	for _, m := range s.made {
		if words != "" && m.word != "" {
			words += " "
		}
		words += m.word
	}
	notes[sdk.AnnotationSignatures] = words
	s.signer.who.Annotate(notes)
}

// Emit tells the runner and people.
func (s Signed) Emit(out *sdk.Emitter) {
	for _, m := range s.made {
		if len(m.stated.Statement) <= MaxStated {
			out.Attestation(m.stated)
		}
		what := m.word + " signature"
		if m.word == "" {
			what = "statement " + m.stated.PredicateType
		}
		fmt.Fprintf(out.Stdout(), "%s  %s by %s\n", m.manifest.Digest, what, s.signer.who)
	}
}

// Outputs adds the values of ImageOutputs or ModelOutputs.
func (s Signed) Outputs(to sdk.Outputs) {
	to["signature"] = cty.NullVal(cty.String)
	if s.model {
		to["model_signature"] = cty.NullVal(cty.String)
	}
	for _, m := range s.made {
		name := "signature"
		switch m.word {
		case WordModel:
			name = "model_signature"
		case "":
			continue
		}
		to[name] = cty.StringVal(m.manifest.Digest.String())
	}
}
