package oms

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/build/bundle"
)

func newKey(t *testing.T) (bundle.Key, bundle.PublicKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := bundle.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	return key, public
}

func file(name, content string) Resource {
	sum := sha256.Sum256([]byte(content))
	return File(name, "sha256:"+hex.EncodeToString(sum[:]))
}

func small() Model {
	return Model{Name: "digits", Method: Files, Resources: []Resource{file("b", "2"), file("a/b", "1"), file("a-b", "3")}}
}

// The predicate as the specification has it, and the root as the digest of the
// raw digests in the order of the list.
func TestSignFollowsTheSpecification(t *testing.T) {
	t.Parallel()
	key, public := newKey(t)
	b, err := Sign(t.Context(), key, small())
	if err != nil {
		t.Fatal(err)
	}
	if b.Hint != public.ModelHint() {
		t.Errorf("hint %s, want %s", b.Hint, public.ModelHint())
	}
	var order bytes.Buffer
	for _, content := range []string{"3", "1", "2"} { // a-b, a/b, b
		sum := sha256.Sum256([]byte(content))
		order.Write(sum[:])
	}
	root := sha256.Sum256(order.Bytes())
	want := `{"_type":"https://in-toto.io/Statement/v1",
		"subject":[{"name":"digits","digest":{"sha256":"` + hex.EncodeToString(root[:]) + `"}}],
		"predicateType":"https://model_signing/signature/v1.0",
		"predicate":{"serialization":{"method":"files","hash_type":"sha256","allow_symlinks":false},
		"resources":[
			{"name":"a-b","algorithm":"sha256","digest":"4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce"},
			{"name":"a/b","algorithm":"sha256","digest":"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"},
			{"name":"b","algorithm":"sha256","digest":"d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35"}]}}`
	if diff := cmp.Diff(plain(t, []byte(want)), plain(t, b.Unverified())); diff != "" {
		t.Error(diff)
	}
}

func plain(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVerifyAndCompare(t *testing.T) {
	t.Parallel()
	key, public := newKey(t)
	b, err := Sign(t.Context(), key, small())
	if err != nil {
		t.Fatal(err)
	}
	m, err := Verify(b, public)
	if err != nil {
		t.Fatal(err)
	}
	same := []Resource{file("a/b", "1"), file("b", "2"), file("a-b", "3")}
	for name, test := range map[string]struct {
		found []Resource
		want  *MismatchError
	}{
		"the same in another order": {same, nil},
		"what git keeps":            {append(same[:3:3], file(".git/config", "x"), file(".gitattributes", "x")), nil},
		"changed":                   {[]Resource{file("a/b", "1"), file("b", "X"), file("a-b", "3")}, &MismatchError{Changed: []string{"b"}}},
		"missing":                   {same[:2], &MismatchError{Missing: []string{"a-b"}}},
		"not signed":                {append(same[:3:3], file("evil.py", "x")), &MismatchError{Unsigned: []string{"evil.py"}}},
		"git elsewhere":             {append(same[:3:3], file("x/.git/config", "x")), &MismatchError{Unsigned: []string{"x/.git/config"}}},
		"renamed":                   {[]Resource{file("a/b", "1"), file("c", "2"), file("a-b", "3")}, &MismatchError{Missing: []string{"b"}, Unsigned: []string{"c"}}},
		"twice":                     {append(same[:3:3], file("b", "2")), &MismatchError{Unsigned: []string{"b"}}},
	} {
		err := m.Compare(test.found)
		var got *MismatchError
		if errors.As(err, &got) != (test.want != nil) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	_, other := newKey(t)
	if _, err := Verify(b, other); !errors.Is(err, bundle.ErrOtherKey) {
		t.Errorf("another key: %v", err)
	}
}

func TestShards(t *testing.T) {
	t.Parallel()
	content := "0123456789"
	got, err := ShardsOf(t.Context(), "d/w", strings.NewReader(content), int64(len(content)), 4)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]Resource, 0, 3)
	for _, piece := range []struct{ name, text string }{{"d/w:0:4", "0123"}, {"d/w:4:8", "4567"}, {"d/w:8:10", "89"}} {
		r := file(piece.name, piece.text)
		r.Algorithm = "sha256-sharded-4"
		want = append(want, r)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if empty, err := ShardsOf(t.Context(), "e", strings.NewReader(""), 0, 4); err != nil || len(empty) > 0 {
		t.Errorf("an empty file: %v, %v", empty, err)
	}
	if _, err := ShardsOf(t.Context(), "w", strings.NewReader("short"), 10, 4); err == nil {
		t.Error("a file that became shorter has shards")
	}
	key, public := newKey(t)
	b, err := Sign(t.Context(), key, Model{Name: "m", Method: Shards, ShardSize: 4, Resources: got})
	if err != nil {
		t.Fatal(err)
	}
	m, err := Verify(b, public)
	if err != nil || m.ShardSize != 4 || m.Method != Shards {
		t.Fatalf("%+v, %v", m, err)
	}
	if err := m.Compare(got); err != nil {
		t.Error(err)
	}
	if !strings.Contains(string(b.Unverified()), `"shard_size":4,`) {
		t.Errorf("%s", b.Unverified())
	}
}

// The reference implementation writes the size of a shard as a float, and sorts
// by the parts of a path.
func TestParseReadsTheReferenceForm(t *testing.T) {
	t.Parallel()
	one, two := file("a/b", "1"), file("a-b", "2")
	m := Model{Method: Files, Resources: []Resource{one, two}} // not sorted as text
	root, err := m.root()
	if err != nil {
		t.Fatal(err)
	}
	raw := `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"m","digest":{"sha256":"` + root + `"}}],
		"predicateType":"https://model_signing/signature/v1.0","predicate":{"serialization":{"method":"files","hash_type":"sha256",
		"allow_symlinks":true,"ignore_paths":["model.sig"]},"resources":[
		{"algorithm":"sha256","digest":"` + one.Digest + `","name":"a/b"},{"algorithm":"sha256","digest":"` + two.Digest + `","name":"a-b"}]}}`
	got, err := Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Compare([]Resource{two, one, file("model.sig", "x")}); err != nil {
		t.Error(err)
	}
	sharded := strings.NewReplacer(`"method":"files"`, `"method":"shards","shard_size":4.0`, `"name":"a/b"`, `"name":"a/b:0:1"`, `"name":"a-b"`, `"name":"a-b:0:1"`).Replace(raw)
	if got, err := Parse([]byte(sharded)); err != nil || got.ShardSize != 4 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	good, err := small().statement()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a changed digest":     {"4e07408562", "4e07408563"},
		"another root":         {`"digest":{"sha256":"`, `"digest":{"sha256":"0`},
		"another predicate":    {"signature/v1.0", "signature/v2.0"},
		"an unknown method":    {`"method":"files"`, `"method":"tree"`},
		"shards of no size":    {`"method":"files"`, `"method":"shards"`},
		"a path out":           {`"name":"a/b"`, `"name":"../b"`},
		"an absolute path":     {`"name":"a/b"`, `"name":"/b"`},
		"a name twice":         {`"name":"a-b"`, `"name":"b"`},
		"another digest":       {`"algorithm":"sha256"`, `"algorithm":"blake3"`},
		"nothing":              {`"resources":[`, `"resources":[],"others":[`},
		"two subjects":         {`"subject":[`, `"subject":[{"digest":{"sha256":"00"}},`},
		"no statement":         {"in-toto.io/Statement/v1", "in-toto.io/Statement/v0.1"},
		"a field twice":        {`"predicate":`, `"predicate":{},"predicate":`},
		"a digest of no bytes": {"4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce", ""},
	} {
		bad := strings.Replace(string(good), change[0], change[1], 1)
		if bad == string(good) {
			t.Errorf("%s: nothing was changed", name)
		}
		if m, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	key, _ := newKey(t)
	for name, m := range map[string]Model{
		"nothing":          {Method: Files},
		"a path out":       {Method: Files, Resources: []Resource{file("../x", "1")}},
		"no digest":        {Method: Files, Resources: []Resource{File("x", "sha256:abc")}},
		"a colon in shard": {Method: Shards, ShardSize: 4, Resources: []Resource{file("a:b:0:4", "1")}},
	} {
		if _, err := Sign(t.Context(), key, m); err == nil {
			t.Errorf("%s was signed", name)
		}
	}
}
