package trust

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/oms"
	"github.com/stagegate/stagegate/plugins/build/signing"
	"github.com/stagegate/stagegate/sdk"
)

// Vouched is what signatures say about a package. A nil Vouched says nothing.
type Vouched struct {
	// Manifest says that the manifest is signed, and so all that it names.
	Manifest bool

	subject digest.Digest
	models  []model
	counted []counted
}

// model is a model signature that counts if the files are those that it names.
type model struct {
	oms.Model
	counted counted
}

// counted is a signature that counts.
type counted struct {
	word   string
	signer signing.Who
	found  cosign.Found
}

// NamesFiles reports whether a model signature is to be compared with the files.
func (v *Vouched) NamesFiles() bool { return v != nil && len(v.models) > 0 }

// Digests compares the files with a model signature by their digests, before any
// of them is read. Decided is false when only the content can tell.
func (v *Vouched) Digests(files []oms.Resource) (decided bool, err error) {
	if !v.NamesFiles() {
		return true, nil
	}
	shards := false
	for _, m := range v.models {
		if m.Method != oms.Files {
			shards = true
			continue
		}
		one := v.compare(m.Model, files)
		if one == nil {
			v.counted = append(v.counted, m.counted)
			return true, nil
		}
		err = errors.Join(err, one)
	}
	if shards {
		return false, nil
	}
	return true, misfit(err)
}

// Content compares the files below a folder with a model signature by what is in
// them.
func (v *Vouched) Content(ctx context.Context, root *os.Root, names []string) error {
	if !v.NamesFiles() {
		return nil
	}
	var all error
	for _, m := range v.models {
		var found []oms.Resource
		for _, name := range names {
			some, err := resources(ctx, root, name, m.Model)
			if err != nil {
				return err
			}
			found = append(found, some...)
		}
		err := v.compare(m.Model, found)
		if err == nil {
			v.counted = append(v.counted, m.counted)
			return nil
		}
		all = errors.Join(all, err)
	}
	return misfit(all)
}

// compare wants every file to be vouched for: one that the model signature ignores
// has to be covered by that of the manifest.
func (v *Vouched) compare(m oms.Model, found []oms.Resource) error {
	if err := m.Compare(found); err != nil {
		return err
	}
	if v.Manifest {
		return nil
	}
	signed := make(map[string]bool, len(m.Resources))
	for _, r := range m.Resources {
		signed[r.Name] = true
	}
	var ignored []string
	for _, r := range found {
		if !signed[r.Name] {
			ignored = append(ignored, r.Name)
		}
	}
	if len(ignored) > 0 {
		slices.Sort(ignored)
		return &oms.MismatchError{Unsigned: ignored}
	}
	return nil
}

func resources(ctx context.Context, root *os.Root, name string, m oms.Model) (out []oms.Resource, err error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("digest %q: %w", name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if m.Method == oms.Shards {
		info, err := f.Stat()
		if err != nil {
			return nil, fmt.Errorf("digest %q: %w", name, err)
		}
		return oms.ShardsOf(ctx, name, f, info.Size(), m.ShardSize)
	}
	sum := sha256.New()
	if _, err := io.CopyBuffer(sum, f, make([]byte, 1<<20)); err != nil {
		return nil, fmt.Errorf("digest %q: %w", name, err)
	}
	return []oms.Resource{oms.File(name, hex.EncodeToString(sum.Sum(nil)))}, nil
}

func misfit(err error) error {
	return &sdk.Failure{
		Summary: "the files of the package are not those that were signed", Class: "signature_refused", Cause: err,
		Detail: "They were changed after the model was signed, or its signature is that of another release. Nothing of the package was used.",
	}
}

// Annotate adds to an artifact's annotations who has signed what. Where that was
// not one and the same, it says nothing of the signer.
func (v *Vouched) Annotate(notes map[string]string) {
	if v == nil {
		return
	}
	words, signers := make(map[string]bool), make(map[signing.Who]bool)
	for _, c := range v.counted {
		words[c.word], signers[c.signer] = true, true
	}
	notes[sdk.AnnotationSignatures] = strings.Join(slices.DeleteFunc(
		[]string{signing.WordModel, signing.WordCosign}, func(w string) bool { return !words[w] }), " ")
	for signer := range signers {
		if len(signers) == 1 {
			signer.Annotate(notes)
		}
	}
}

// Emit has the runner keep what was verified, and tells people.
func (v *Vouched) Emit(out *sdk.Emitter) {
	if v == nil {
		return
	}
	for _, c := range v.counted {
		fmt.Fprintf(out.Stdout(), "%s  %s signature by %s verified\n", c.found.Manifest, c.word, c.signer)
		if c.found.Envelope == nil {
			continue // of the older layout
		}
		out.Attestation(sdk.Attestation{
			SubjectDigest: v.subject.String(), PredicateType: c.found.PredicateType, Statement: c.found.Statement, Envelope: c.found.Envelope,
		})
	}
}
