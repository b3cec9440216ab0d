package signing

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/oms"
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

// Signer signs with the key of a configuration. A nil Signer signs nothing.
type Signer struct {
	key    bundle.Key
	public bundle.PublicKey
	method oms.Method

	mu    sync.Mutex
	files []oms.Resource
}

// Open reads the block; without one the Signer is nil. It is called before
// anything is stored, so that a wrong password costs no upload.
func Open(config sdk.Config) (*Signer, error) {
	b, ok := config.Block(blockName)
	if !ok {
		return nil, nil //nolint:nilnil // documented: nothing is to be signed
	}
	key, err := bundle.ParseKey([]byte(b.String("key")), []byte(b.String("password")))
	if err != nil {
		return nil, &sdk.Failure{Summary: "the signing key cannot be used", Class: "key_unusable", Cause: err}
	}
	public, err := key.Public()
	if err != nil {
		return nil, err
	}
	return &Signer{key: key, public: public, method: method(b)}, nil
}

// Add has a file covered by the model signature. Digest and content are those of
// the file as its reader sees it, before any encryption. Several may be added at
// once, in any order.
func (s *Signer) Add(ctx context.Context, name, digest string, content io.ReaderAt, size int64) error {
	if s == nil {
		return nil
	}
	resources := []oms.Resource{oms.File(name, digest)}
	if s.method == oms.Shards {
		var err error
		if resources, err = oms.ShardsOf(ctx, name, content, size, oms.ShardSize); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = append(s.files, resources...)
	return nil
}

// Place is where a manifest is stored.
type Place interface {
	// Attach stores a document about a manifest beside it.
	Attach(ctx context.Context, subject ocispec.Descriptor, a oci.Attachment) (ocispec.Descriptor, error)
}

// Image signs a manifest.
func (s *Signer) Image(ctx context.Context, place Place, subject ocispec.Descriptor) (Signed, error) {
	signed := Signed{signer: s}
	if s == nil {
		return signed, nil
	}
	b, err := cosign.Sign(s.key, subject.Digest)
	if err != nil {
		return Signed{}, err
	}
	err = signed.attach(ctx, place, subject, WordCosign, "", b)
	return signed, err
}

// Model signs the files that were added, and then its manifest.
func (s *Signer) Model(ctx context.Context, place Place, subject ocispec.Descriptor, name string) (Signed, error) {
	signed := Signed{signer: s, model: true}
	if s == nil {
		return signed, nil
	}
	m := oms.Model{Name: name, Method: s.method, Resources: s.files}
	if m.Method == oms.Shards {
		m.ShardSize = oms.ShardSize
	}
	files, err := oms.Sign(s.key, m)
	if err != nil {
		return Signed{}, &sdk.Failure{Summary: "the model cannot be signed", Class: "unsignable", Cause: err}
	}
	if err := signed.attach(ctx, place, subject, WordModel, signatureFile, files); err != nil {
		return Signed{}, err
	}
	manifest, err := cosign.Sign(s.key, subject.Digest)
	if err != nil {
		return Signed{}, err
	}
	err = signed.attach(ctx, place, subject, WordCosign, "", manifest)
	return signed, err
}

// State signs a further statement about the manifest, when there is a key.
func (s *Signed) State(ctx context.Context, place Place, subject ocispec.Descriptor, predicateType string, predicate []byte) error {
	if s.signer == nil {
		return nil
	}
	b, err := cosign.Attest(s.signer.key, subject.Digest, "", predicateType, predicate)
	if err != nil {
		return err
	}
	return s.attach(ctx, place, subject, "", "", b)
}

// Signed is what was signed, and what is to be said of it.
type Signed struct {
	signer *Signer
	model  bool
	made   []made
}

type made struct {
	word     string // empty for a further statement
	manifest ocispec.Descriptor
	stated   sdk.Attestation
}

func (s *Signed) attach(ctx context.Context, place Place, subject ocispec.Descriptor, word, file string, b bundle.Bundle) error {
	a, err := cosign.Attachment(b)
	if err != nil {
		return err
	}
	a.File = file
	desc, err := place.Attach(ctx, subject, a)
	if err != nil {
		return err
	}
	statement, err := bundle.ParseStatement(b.Unverified())
	if err != nil {
		return err
	}
	envelope, err := json.Marshal(b.Envelope)
	if err != nil {
		return fmt.Errorf("encode envelope: %w", err)
	}
	s.made = append(s.made, made{word: word, manifest: desc, stated: sdk.Attestation{
		SubjectDigest: subject.Digest.String(), PredicateType: statement.PredicateType,
		Statement: b.Unverified(), Envelope: envelope,
	}})
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
	notes[sdk.AnnotationSignatures], notes[sdk.AnnotationSigner] = words, s.signer.public.Fingerprint()
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
		fmt.Fprintf(out.Stdout(), "%s  %s by the key %s\n", m.manifest.Digest, what, s.signer.public.Fingerprint())
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
