package fetch_test

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	spec "github.com/modelpack/model-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/plugins/build/oms"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

// Whatever is demanded is found wherever the package is, is told to policies, and
// is kept as it was signed.
func TestSignedPackages(t *testing.T) {
	t.Parallel()
	secret := identity(t)
	for name, tc := range map[string]struct {
		pack, fetch []any
		demand      []string
		words       string
	}{
		"manifest":        {demand: nil, words: "cosign"},
		"files":           {demand: []string{"oms"}, words: "oms"},
		"both":            {demand: []string{"cosign", "oms"}, words: "oms cosign"},
		"both, encrypted": {[]any{"encrypt", object("recipients", []string{secret.Recipient().String()})}, []any{"decrypt", object("identities", []string{secret.String()})}, []string{"oms", "cosign"}, "oms cosign"},
	} {
		for place, start := range map[string]func() string{
			"layout":   func() string { return "" },
			"API":      func() string { return ocitest.StartReferrers(t).Host },
			"fallback": func() string { return ocitest.StartPlain(t, nil).Host },
		} {
			for _, method := range []string{"files", "shards"} {
				t.Run(name+", "+place+", "+method, func(t *testing.T) {
					t.Parallel()
					s, other, host := newSigner(t), newSigner(t), start()
					checkSigned(t, s, host, append(tc.pack, "sign", object("key", s.secret, "method", method)),
						append(tc.fetch, "verify", verify([]string{other.public, s.public}, tc.demand...)), tc.words, method)
				})
			}
		}
	}
}

func checkSigned(t *testing.T, s signer, host string, pack, fetch []any, words, method string) {
	t.Helper()
	h := start(t)
	dir, files := work(t)
	if method == "shards" { // an empty file has no shard, and so nobody vouches for it
		delete(files, "empty.txt")
		if err := os.Remove(filepath.Join(dir, "out/empty.txt")); err != nil {
			t.Fatal(err)
		}
	}
	if host != "" {
		pack = append(pack, "registry", object("repository", host+"/models/digits", "plain_http", cty.True))
		fetch = append(fetch, "plain_http", cty.True)
	}
	packed := h.Build("model", object(append(pack, "name", "digits", "files", []string{"out/**"})...), plugintest.Options{WorkDir: dir})
	if !packed.Succeeded() {
		t.Fatal(packed)
	}
	got := h.Build("fetch", object(append(fetch, "artifact", packed.Outputs.GetAttr("artifact"), "into", "in")...), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	if diff := cmp.Diff(files, below(t, filepath.Join(dir, "in"))); diff != "" {
		t.Error(diff)
	}
	if notes := got.Artifacts[0].Annotations; notes[sdk.AnnotationSignatures] != words || notes[sdk.AnnotationSigner] != s.print {
		t.Errorf("annotations %v, want %q by %s", notes, words, s.print)
	}
	stated := 0
	for _, e := range got.Events {
		if a := e.GetAttestation(); a != nil {
			stated++
			if a.GetSubjectDigest() != got.Outputs.GetAttr("digest").AsString() || len(a.GetEnvelope()) == 0 {
				t.Errorf("attestation %+v", a)
			}
		}
	}
	if want := len(strings.Fields(words)); stated != want {
		t.Errorf("%d attestations, want %d", stated, want)
	}
}

// store is the layout dist of a folder, and the package in it.
func store(t *testing.T, dir, from string) (*oci.Destination, ocispec.Descriptor) {
	t.Helper()
	ref, err := oci.ParseReference(from)
	if err != nil {
		t.Fatal(err)
	}
	raw := ocitest.Blob(t, filepath.Join(dir, "dist"), ref.Reference)
	return destination(t, dir, cty.NullVal(cty.DynamicPseudoType)), ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.Digest(ref.Reference), Size: int64(len(raw))}
}

func attach(t *testing.T, to *oci.Destination, subject ocispec.Descriptor, b bundle.Bundle, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	a, err := cosign.Attachment(b)
	if err == nil {
		_, err = to.Attach(t.Context(), subject, a)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func modelOf(t *testing.T, s signer, ignored []string, files ...oms.Resource) (bundle.Bundle, error) {
	return oms.Sign(t.Context(), s.key, oms.Model{Name: "m", Method: oms.Files, Resources: files, Ignored: ignored})
}

// None of them gets a byte into its place, and the message says what to do.
func TestUnvouched(t *testing.T) {
	t.Parallel()
	s, other := newSigner(t), newSigner(t)
	content, changed := []byte("weights"), []byte("poison!")
	a, b := oms.File("a", digest.FromBytes(content).String()), oms.File("b", digest.FromBytes(content).String())
	type attachment = func(subject ocispec.Descriptor) (bundle.Bundle, error)
	signed := func(by signer) attachment {
		return func(d ocispec.Descriptor) (bundle.Bundle, error) { return cosign.Sign(t.Context(), by.key, d.Digest) }
	}
	model := func(by signer, ignored []string, files ...oms.Resource) attachment {
		return func(ocispec.Descriptor) (bundle.Bundle, error) { return modelOf(t, by, ignored, files...) }
	}
	for name, tc := range map[string]struct {
		demand  []string
		attach  []attachment
		class   string
		message string
	}{
		"nothing":               {nil, nil, "unsigned", "the package has no cosign signature"},
		"nothing over files":    {[]string{"oms"}, []attachment{signed(s)}, "unsigned", "the package has no model signature"},
		"nothing over manifest": {[]string{"cosign", "oms"}, []attachment{model(s, nil, a, b)}, "unsigned", "the package has no cosign signature"},
		"another key":           {nil, []attachment{signed(other)}, "signature_refused", "signed with another key"},
		"another manifest": {nil, []attachment{func(ocispec.Descriptor) (bundle.Bundle, error) {
			return cosign.Sign(t.Context(), s.key, digest.FromString("another"))
		}}, "signature_refused", "the statement is not about"},
		"another claim": {nil, []attachment{func(d ocispec.Descriptor) (bundle.Bundle, error) {
			return cosign.Attest(t.Context(), s.key, d.Digest, "", "https://example.com/seen/v1", json.RawMessage("{}"))
		}}, "unsigned", "the package has no cosign signature"},
		"changed after signing": {nil, []attachment{func(d ocispec.Descriptor) (bundle.Bundle, error) {
			return resealed(t, s, digest.FromString("another"), d.Digest)
		}}, "signature_refused", "the signature is wrong"},
		"other files":      {[]string{"oms"}, []attachment{model(s, nil, a, oms.File("b", digest.FromBytes(changed).String()))}, "signature_refused", "changed: b"},
		"a file too many":  {[]string{"oms"}, []attachment{model(s, nil, a)}, "signature_refused", "not signed: b"},
		"a file too few":   {[]string{"oms"}, []attachment{model(s, nil, a, b, oms.File("c", digest.FromBytes(content).String()))}, "signature_refused", "missing: c"},
		"an ignored file":  {[]string{"oms"}, []attachment{model(s, []string{"b"}, a)}, "signature_refused", "not signed: b"},
		"files, other key": {[]string{"oms"}, []attachment{model(other, nil, a, b)}, "signature_refused", "signed with another key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			from := pack(t, dir, ocispec.Manifest{Layers: []ocispec.Descriptor{raw("a", content), raw("b", content)}}, content)
			to, subject := store(t, dir, from)
			for _, make := range tc.attach {
				b, err := make(subject)
				attach(t, to, subject, b, err)
			}
			got := start(t).Build("fetch", object("from", from, "into", "in", "verify", verify([]string{s.public}, tc.demand...)), plugintest.Options{WorkDir: dir})
			f := got.Failure()
			if f.GetClass() != tc.class || !strings.Contains(f.GetSummary(), tc.message) || f.GetTransient() {
				t.Errorf("%s, want %s, %q", got, tc.class, tc.message)
			}
			if f.GetDetail() == "" {
				t.Error("no remedy")
			}
			if _, err := os.Stat(filepath.Join(dir, "in")); !os.IsNotExist(err) {
				t.Error("something was begun before the signatures were looked at")
			}
			if len(got.Artifacts) > 0 {
				t.Errorf("artifacts %v", got.Artifacts)
			}
		})
	}
}

// resealed is a bundle whose statement was exchanged.
func resealed(t *testing.T, s signer, before, after digest.Digest) (bundle.Bundle, error) {
	t.Helper()
	b, err := cosign.Sign(t.Context(), s.key, before)
	if err != nil {
		return b, err
	}
	old := base64.StdEncoding.EncodeToString(b.Unverified())
	now := base64.StdEncoding.EncodeToString(bytes.ReplaceAll(b.Unverified(), []byte(before.Encoded()), []byte(after.Encoded())))
	return bundle.Parse(bytes.ReplaceAll(b.Raw, []byte(old), []byte(now)))
}

// What others attach changes nothing: older model signatures, signatures of
// strangers, and what is none.
func TestNoiseBesideASignature(t *testing.T) {
	t.Parallel()
	s, other := newSigner(t), newSigner(t)
	content := []byte("weights")
	dir := t.TempDir()
	from := pack(t, dir, ocispec.Manifest{Layers: []ocispec.Descriptor{raw("a", content)}}, content)
	to, subject := store(t, dir, from)
	attachNoise(t, to, subject, other, s)
	b, err := cosign.Sign(t.Context(), s.key, subject.Digest)
	attach(t, to, subject, b, err)
	b, err = modelOf(t, s, nil, oms.File("a", digest.FromBytes(content).String()))
	attach(t, to, subject, b, err)
	got := start(t).Build("fetch", object("from", from, "into", "in", "verify", verify([]string{s.public}, "cosign", "oms")), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() || got.Artifacts[0].Annotations[sdk.AnnotationSigner] != s.print {
		t.Error(got)
	}
}

func attachNoise(t *testing.T, to *oci.Destination, subject ocispec.Descriptor, other, s signer) {
	t.Helper()
	b, err := cosign.Sign(t.Context(), other.key, subject.Digest)
	attach(t, to, subject, b, err)
	b, err = modelOf(t, s, nil, oms.File("a", digest.FromString("of an older release").String()))
	attach(t, to, subject, b, err)
	for _, a := range []oci.Attachment{
		{Type: bundle.MediaType, Content: []byte("{")},
		{Type: "application/vnd.example", Content: []byte("noise")},
	} {
		if _, err := to.Attach(t.Context(), subject, a); err != nil {
			t.Fatal(err)
		}
	}
}

// Pieces of files, and files in archives, are compared once they are here, and
// before they are in their place.
func TestComparedByContent(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	content := archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "m/w", Size: 5, Mode: 0o755})
	packed := raw("m", content)
	packed.MediaType = spec.MediaTypeModelWeight
	plain := raw("w", []byte("weights"))
	shards := func(text string) (bundle.Bundle, error) {
		resources, err := oms.ShardsOf(t.Context(), "w", strings.NewReader(text), int64(len(text)), 4)
		if err != nil {
			return bundle.Bundle{}, err
		}
		return oms.Sign(t.Context(), s.key, oms.Model{Name: "m", Method: oms.Shards, ShardSize: 4, Resources: resources})
	}
	in := func(text string) (bundle.Bundle, error) {
		return modelOf(t, s, nil, oms.File("m/w", digest.FromString(text).String()))
	}
	for name, tc := range map[string]struct {
		layer    ocispec.Descriptor
		model    func(text string) (bundle.Bundle, error)
		text     string
		manifest bool
		class    string
		left     map[string]string
	}{
		"shards":                {plain, shards, "weights", false, "", map[string]string{"w": "weights"}},
		"other shards":          {plain, shards, "weightz", false, "signature_refused", map[string]string{}},
		"archive":               {packed, in, "xxxxx", true, "", map[string]string{"m/w": "xxxxx"}},
		"other archive":         {packed, in, "yyyyy", true, "signature_refused", map[string]string{}},
		"archive without other": {packed, in, "xxxxx", false, "signature_refused", map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			from := pack(t, dir, ocispec.Manifest{Layers: []ocispec.Descriptor{tc.layer}}, content, []byte("weights"))
			to, subject := store(t, dir, from)
			b, err := tc.model(tc.text)
			attach(t, to, subject, b, err)
			demand := []string{"oms"}
			if tc.manifest {
				b, err := cosign.Sign(t.Context(), s.key, subject.Digest)
				attach(t, to, subject, b, err)
				demand = append(demand, "cosign")
			}
			got := start(t).Build("fetch", object("from", from, "into", "in", "verify", verify([]string{s.public}, demand...)), plugintest.Options{WorkDir: dir})
			if got.Failure().GetClass() != tc.class || got.Succeeded() != (tc.class == "") {
				t.Errorf("%s, want class %q", got, tc.class)
			}
			if diff := cmp.Diff(tc.left, below(t, filepath.Join(dir, "in"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Nobody vouches for the executable bit of a file when its content alone is
// signed.
func TestExecutableBitIsNotSigned(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	layer := raw("run", []byte("code"))
	layer.Annotations[spec.AnnotationFileMetadata] = `{"mode":493}`
	for _, tc := range []struct {
		demand string
		want   os.FileMode
	}{{"cosign", 0o755}, {"oms", 0o644}} {
		dir := t.TempDir()
		from := pack(t, dir, ocispec.Manifest{Layers: []ocispec.Descriptor{layer}}, []byte("code"))
		to, subject := store(t, dir, from)
		b, err := cosign.Sign(t.Context(), s.key, subject.Digest)
		attach(t, to, subject, b, err)
		b, err = modelOf(t, s, nil, oms.File("run", digest.FromString("code").String()))
		attach(t, to, subject, b, err)
		got := start(t).Build("fetch", object("from", from, "into", "in", "verify", verify([]string{s.public}, tc.demand)), plugintest.Options{WorkDir: dir})
		info, err := os.Stat(filepath.Join(dir, "in/run"))
		if !got.Succeeded() || err != nil || info.Mode().Perm() != tc.want {
			t.Errorf("%s: %s, %v, %v", tc.demand, got, info, err)
		}
	}
}

// The layout of cosign before version 3 counts as well.
func TestOlderSignature(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for name, tc := range map[string]struct {
		about func(d digest.Digest) digest.Digest
		class string
	}{
		"this":    {func(d digest.Digest) digest.Digest { return d }, ""},
		"another": {func(digest.Digest) digest.Digest { return digest.FromString("another") }, "signature_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := ocitest.StartPlain(t, nil).Host
			dir, files := work(t)
			h := start(t)
			packed := h.Build("model", object("name", "digits", "files", []string{"out/**"}, "registry", object("repository", host+"/models/digits", "plain_http", cty.True)), plugintest.Options{WorkDir: dir})
			if !packed.Succeeded() {
				t.Fatal(packed)
			}
			subject := digest.Digest(packed.Outputs.GetAttr("digest").AsString())
			signOlder(t, s, host, subject, tc.about(subject))
			got := h.Build("fetch", object("artifact", packed.Outputs.GetAttr("artifact"), "into", "in", "plain_http", cty.True, "verify", verify([]string{s.public})), plugintest.Options{WorkDir: dir})
			if got.Failure().GetClass() != tc.class || got.Succeeded() != (tc.class == "") {
				t.Fatalf("%s, want class %q", got, tc.class)
			}
			if diff := cmp.Diff(files, below(t, filepath.Join(dir, "in"))); got.Succeeded() && diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A registry that does not answer is not one that has no signature, and one that
// was asked to list a flood is not searched.
func TestSignaturesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	flood := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: make([]ocispec.Descriptor, 2000)}
	flood.SchemaVersion = 2
	for i := range flood.Manifests {
		flood.Manifests[i] = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString(fmt.Sprint(i)), Size: 10}
	}
	index, err := json.Marshal(flood)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		answer    http.HandlerFunc
		class     string
		transient bool
	}{
		"busy": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "9000")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "registry_unavailable", true},
		"denied": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "registry_denied", false},
		"flood": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
			_, _ = w.Write(index)
		}, "signatures_unreadable", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := ocitest.StartPlain(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if strings.Contains(req.URL.Path, "/referrers/") {
						tc.answer(w, req)
						return
					}
					next.ServeHTTP(w, req)
				})
			}).Host
			dir, _ := work(t)
			h := start(t)
			packed := h.Build("model", object("name", "digits", "files", []string{"out/**"}, "registry", object("repository", host+"/models/digits", "plain_http", cty.True)), plugintest.Options{WorkDir: dir})
			if !packed.Succeeded() {
				t.Fatal(packed)
			}
			got := h.Build("fetch", object("artifact", packed.Outputs.GetAttr("artifact"), "into", "in", "plain_http", cty.True, "verify", verify([]string{s.public})), plugintest.Options{WorkDir: dir})
			if f := got.Failure(); f.GetClass() != tc.class || f.GetTransient() != tc.transient {
				t.Errorf("%s, want class %s", got, tc.class)
			}
			if left := below(t, filepath.Join(dir, "in")); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestValidateVerify(t *testing.T) {
	t.Parallel()
	h := start(t)
	s := newSigner(t)
	from := "registry.example.com/models/digits@" + digest.FromString("x").String()
	at := func(steps ...sdk.Step) sdk.Path { return append(sdk.At(sdk.Attr("verify")), steps...) }
	private, _ := s.secret.Unmark()
	for name, tc := range map[string]struct {
		block  cty.Value
		path   sdk.Path
		want   string
		detail string
	}{
		"no PEM":      {verify([]string{s.public, "ssh-ed25519 AAAA"}), at(sdk.Attr("keys"), sdk.Index(1)), "unusable public key", "cosign public-key"},
		"private key": {verify([]string{private.AsString()}), at(sdk.Attr("keys"), sdk.Index(0)), "unusable public key", "it is a private key"},
		"nobody":      {object("keys", cty.ListValEmpty(cty.String)), at(sdk.Attr("keys")), "nobody to trust", "release.pub"},
		"word":        {verify([]string{s.public}, "cosign", "notary"), at(sdk.Attr("signatures"), sdk.Index(1)), "unknown signature", "notary"},
		"no word":     {object("keys", []string{s.public}, "signatures", cty.ListValEmpty(cty.String)), at(sdk.Attr("signatures")), "nothing to verify", "leave the argument out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := h.Validate("fetch", object("into", "in", "from", from, "verify", tc.block))
			if len(diags) != 1 || diags[0].Summary != tc.want || !strings.Contains(diags[0].Detail, tc.detail) {
				t.Fatalf("diagnostics %+v, want one %q", diags, tc.want)
			}
			if diff := cmp.Diff(tc.path, diags[0].Path); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(diags[0].Detail, strings.Split(private.AsString(), "\n")[1]) {
				t.Error("the key shows")
			}
		})
	}
	if diags := h.Validate("fetch", object("into", "in", "from", from, "verify", verify([]string{s.public}, "oms"))); len(diags) != 0 {
		t.Errorf("%+v", diags)
	}
}
