package fetch_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	spec "github.com/modelpack/model-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/oms"
	"github.com/stagegate/stagegate/sdk/plugintest"
)

// Anybody can encrypt for a recipient, so that it is signatures that count: the
// one over files is over what its readers see, and survives another encryption of
// the same weights, and no other weights. The one over the manifest is over the
// ciphertext.
func TestSealedBySomebodyElse(t *testing.T) {
	t.Parallel()
	const signed = "the weights"
	for name, tc := range map[string]struct {
		sealed, says string
		demand       []string
		class        string
		left         map[string]string
	}{
		"the same weights":                     {signed, signed, []string{"oms"}, "", map[string]string{"w": signed}},
		"the same weights, another manifest":   {signed, signed, []string{"cosign", "oms"}, "signature_refused", map[string]string{}},
		"other weights":                        {"poison", "poison", []string{"oms"}, "signature_refused", map[string]string{}},
		"other weights that say they are not":  {"poison", signed, []string{"oms"}, "digest_mismatch", map[string]string{}},
		"other weights of the size of the old": {"the poison!", signed, []string{"oms"}, "digest_mismatch", map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, reader := newSigner(t), identity(t)
			var sealed bytes.Buffer
			w, err := age.Encrypt(&sealed, reader.Recipient())
			if err == nil {
				_, err = w.Write([]byte(tc.sealed))
			}
			if err != nil || w.Close() != nil {
				t.Fatal(err)
			}
			layer := raw("w", sealed.Bytes())
			layer.MediaType = oci.MediaTypeEncrypted
			layer.Annotations[oci.AnnotationPlainMediaType] = spec.MediaTypeModelWeightRaw
			layer.Annotations[oci.AnnotationPlainDigest] = digest.FromString(tc.says).String()
			dir := t.TempDir()
			from := pack(t, dir, ocispec.Manifest{Layers: []ocispec.Descriptor{layer}}, sealed.Bytes())
			to, subject := store(t, dir, from)
			b, err := modelOf(t, s, nil, oms.File("w", digest.FromString(signed).String()))
			attach(t, to, subject, b, err)
			b, err = cosign.Sign(t.Context(), s.key, digest.FromString("the manifest of the package before"))
			attach(t, to, subject, b, err)
			got := start(t).Build("fetch", object(
				"from", from, "into", "in", "verify", verify([]string{s.public}, tc.demand...), "decrypt", object("identities", []string{reader.String()}),
			), plugintest.Options{WorkDir: dir})
			if got.Failure().GetClass() != tc.class || got.Succeeded() != (tc.class == "") {
				t.Errorf("%s, want class %q", got, tc.class)
			}
			if diff := cmp.Diff(tc.left, below(t, filepath.Join(dir, "in"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
