package keyless_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	sigstore "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/keyless"
	"github.com/stagegate/stagegate/plugins/build/keyless/keylesstest"
	"github.com/stagegate/stagegate/sdk"
)

const workflow = "https://ci.example.com/models/digits/release.hcl@refs/heads/main"

func identity() keyless.Identity {
	return keyless.Identity{Name: workflow, Issuer: keylesstest.Issuer}
}

// statement is about 32 bytes of which nobody has the content.
func statement(t *testing.T) []byte {
	t.Helper()
	raw, err := bundle.Statement{
		Subject:       []bundle.Subject{{Digest: map[string]string{"sha256": strings.Repeat("ab", 32)}}},
		PredicateType: "https://sigstore.dev/cosign/sign/v1", Predicate: []byte("{}"),
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func rootOf(t *testing.T, i *keylesstest.Instance) *keyless.Root {
	t.Helper()
	r, err := keyless.ParseRoot(i.Root)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func options(t *testing.T, i *keylesstest.Instance) keyless.Options {
	t.Helper()
	return keyless.Options{
		Fulcio: i.Fulcio, Rekor: i.Rekor, Authorities: i.CA, Root: rootOf(t, i),
		Token: i.Token(t, workflow, time.Now().Add(time.Hour)),
	}
}

func sign(t *testing.T, opts keyless.Options) (bundle.Bundle, error) {
	t.Helper()
	s, err := keyless.Open(t.Context(), opts)
	if err != nil {
		return bundle.Bundle{}, err
	}
	return s.Sign(t.Context(), statement(t), bundle.PublicKey.CosignHint)
}

func signed(t *testing.T, i *keylesstest.Instance) bundle.Bundle {
	t.Helper()
	b, err := sign(t, options(t, i))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is signed here verifies here, and by sigstore-go as somebody else would use
// it: with the digest that the statement is about, and the identity.
func TestSign(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"loopback": false, "private authority": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := keylesstest.Start(t, keylesstest.Faults{TLS: secure})
			b := signed(t, i)
			got, err := rootOf(t, i).Verify(b, identity())
			if err != nil || !bytes.Equal(got, statement(t)) {
				t.Errorf("%s, %v", got, err)
			}
			elsewhere(t, i, b)
			for _, part := range strings.Split(options(t, i).Token, ".")[:2] {
				if bytes.Contains(b.Raw, []byte(part)) {
					t.Error("the bundle holds the token")
				}
			}
		})
	}
}

func elsewhere(t *testing.T, i *keylesstest.Instance, b bundle.Bundle) {
	t.Helper()
	material, err := root.NewTrustedRootFromJSON([]byte(i.Root))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := verify.NewVerifier(material, verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))
	if err != nil {
		t.Fatal(err)
	}
	var entity sigstore.Bundle
	if err := entity.UnmarshalJSON(b.Raw); err != nil {
		t.Fatal(err)
	}
	if !entity.HasInclusionProof() || !entity.HasInclusionPromise() {
		t.Error("the entry is not proven")
	}
	who, err := verify.NewShortCertificateIdentity(keylesstest.Issuer, "", workflow, "")
	if err != nil {
		t.Fatal(err)
	}
	digest, err := hex.DecodeString(strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.Verify(&entity, verify.NewPolicy(verify.WithArtifactDigest("sha256", digest), verify.WithCertificateIdentity(who))); err != nil {
		t.Error(err)
	}
}

// One certificate is good for several signatures, of which each is entered.
func TestSignSeveral(t *testing.T) {
	t.Parallel()
	asked := 0
	i := keylesstest.Start(t, keylesstest.Faults{Certificate: func(_ *x509.Certificate, key crypto.PublicKey) crypto.PublicKey {
		asked++
		return key
	}})
	s, err := keyless.Open(t.Context(), options(t, i))
	if err != nil {
		t.Fatal(err)
	}
	before := i.Entries()
	for range 3 {
		b, err := s.Sign(t.Context(), statement(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rootOf(t, i).Verify(b, s.Identity()); err != nil {
			t.Error(err)
		}
	}
	if n := i.Entries() - before; n != 3 || asked != 1 {
		t.Errorf("%d entries, %d certificates", n, asked)
	}
}

// A certificate that ends while a package is packed is replaced.
func TestSignWithAnEndingCertificate(t *testing.T) {
	t.Parallel()
	asked := 0
	i := keylesstest.Start(t, keylesstest.Faults{Certificate: func(c *x509.Certificate, key crypto.PublicKey) crypto.PublicKey {
		if asked++; asked == 1 {
			c.NotAfter = time.Now().Add(10 * time.Second)
		}
		return key
	}})
	signed(t, i)
	if asked != 2 {
		t.Errorf("%d certificates", asked)
	}
}

func status(code int) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte("no: " + req.Header.Get("Authorization")))
		})
	}
}

// stall answers nothing until who asked has gone.
func stall(http.Handler) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = new(bytes.Buffer).ReadFrom(req.Body) // only then a server sees that the other side has gone
		<-req.Context().Done()
	})
}

func says(text string) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
	}
}

func anotherKey(t *testing.T) crypto.PublicKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key.Public()
}

// Whatever goes wrong is said, with its class and a remedy, without the token, and
// nothing is signed.
func TestFaults(t *testing.T) {
	t.Parallel()
	other := keylesstest.Start(t, keylesstest.Faults{})
	otherKey := anotherKey(t)
	for name, tc := range map[string]struct {
		faults    keylesstest.Faults
		change    func(o *keyless.Options)
		class     string
		message   string
		transient bool
		entered   bool // the log has it by then, and forgets nothing
	}{
		"expired token": {
			change: func(o *keyless.Options) { o.Token = other.Token(t, workflow, time.Now().Add(-time.Minute)) },
			class:  "token_unusable", message: "it expired at",
		},
		"token of another issuer": {
			change: func(o *keyless.Options) { o.Token = other.Token(t, workflow, time.Now().Add(time.Hour)) },
			class:  "fulcio_denied", message: "it answered 401",
		},
		"no token": {
			change: func(o *keyless.Options) { o.Token = "hello" },
			class:  "token_unusable", message: "it is not an identity token",
		},
		"certificate for another key": {
			faults: keylesstest.Faults{Certificate: func(*x509.Certificate, crypto.PublicKey) crypto.PublicKey { return otherKey }},
			class:  "fulcio_lied", message: "the certificate is for another key",
		},
		"certificate for somebody else": {
			faults: keylesstest.Faults{Certificate: func(c *x509.Certificate, key crypto.PublicKey) crypto.PublicKey {
				c.URIs = []*url.URL{{Scheme: "https", Host: "evil.example.com"}}
				return key
			}},
			change: func(o *keyless.Options) { o.Identity.Name = workflow },
			class:  "identity_refused", message: "it is for https://evil.example.com, of https://issuer.example.com",
		},
		"another issuer than wanted": {
			change: func(o *keyless.Options) { o.Identity.Issuer = "https://accounts.example.com" },
			class:  "identity_refused", message: "of https://issuer.example.com",
		},
		"certificate for nobody": {
			faults: keylesstest.Faults{Certificate: func(c *x509.Certificate, key crypto.PublicKey) crypto.PublicKey {
				c.URIs = nil
				return key
			}},
			class: "fulcio_lied", message: "no Subject Alternative Name",
		},
		"certificate of nobody": {
			faults: keylesstest.Faults{Certificate: func(c *x509.Certificate, key crypto.PublicKey) crypto.PublicKey {
				c.ExtraExtensions = nil
				return key
			}},
			class: "fulcio_lied", message: "it names no issuer",
		},
		"certificate for servers": {
			faults: keylesstest.Faults{Certificate: func(c *x509.Certificate, key crypto.PublicKey) crypto.PublicKey {
				c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
				return key
			}},
			class: "fulcio_lied", message: "of no authority of the trusted root",
		},
		"certificate of yesterday": {
			faults: keylesstest.Faults{Certificate: func(c *x509.Certificate, key crypto.PublicKey) crypto.PublicKey {
				c.NotBefore, c.NotAfter = time.Now().Add(-30*time.Minute), time.Now().Add(-20*time.Minute)
				return key
			}},
			class: "fulcio_lied", message: "not valid now",
		},
		"authority of another instance": {
			change: func(o *keyless.Options) { o.Root = rootOf(t, other) },
			class:  "fulcio_lied", message: "of no authority of the trusted root",
		},
		"Fulcio stalls":            {faults: keylesstest.Faults{Fulcio: stall}, change: hurry, class: "fulcio_unreachable", message: "has not answered for", transient: true},
		"Fulcio is busy":           {faults: keylesstest.Faults{Fulcio: status(http.StatusTooManyRequests)}, class: "fulcio_unavailable", message: "it answered 429", transient: true},
		"Fulcio is broken":         {faults: keylesstest.Faults{Fulcio: status(http.StatusBadGateway)}, class: "fulcio_unavailable", message: "it answered 502", transient: true},
		"Fulcio sends on":          {faults: keylesstest.Faults{Fulcio: status(http.StatusTemporaryRedirect)}, class: "fulcio_refused", message: "it answered 307"},
		"Fulcio says too much":     {faults: keylesstest.Faults{Fulcio: says(strings.Repeat(" ", 1<<20+1))}, class: "fulcio_lied", message: "more than 1048576 bytes"},
		"Fulcio says nothing":      {faults: keylesstest.Faults{Fulcio: says("{}")}, class: "fulcio_lied", message: "there is no certificate in it"},
		"Fulcio says anything":     {faults: keylesstest.Faults{Fulcio: says("<html>")}, class: "fulcio_lied", message: "it is not JSON"},
		"Fulcio is not there":      {change: func(o *keyless.Options) { o.Fulcio = "http://127.0.0.1:1" }, class: "fulcio_unreachable", message: "connection refused", transient: true},
		"Fulcio is not to be read": {faults: keylesstest.Faults{TLS: true}, change: func(o *keyless.Options) { o.Authorities = "" }, class: "fulcio_untrusted", message: "unknown authority"},
		"Rekor stalls":             {faults: keylesstest.Faults{Rekor: stall}, change: hurry, class: "rekor_unreachable", message: "has not answered for", transient: true},
		"Rekor is busy":            {faults: keylesstest.Faults{Rekor: status(http.StatusTooManyRequests)}, class: "rekor_unavailable", message: "it answered 429", transient: true},
		"Rekor refuses":            {faults: keylesstest.Faults{Rekor: status(http.StatusBadRequest)}, class: "rekor_refused", message: "it answered 400"},
		"Rekor says nothing":       {faults: keylesstest.Faults{Rekor: says("{}")}, class: "rekor_lied", message: "there are 0 entries in it"},
		"Rekor proves nothing": {faults: keylesstest.Faults{Promise: func([]byte) []byte { return nil }},
			class: "rekor_lied", message: "there is no proof", entered: true},
		"Rekor enters another statement": {
			faults: keylesstest.Faults{Body: func(b []byte) []byte { return alter(b, `"payloadHash":{"algorithm":"sha256","value":"`) }},
			class:  "rekor_lied", message: "the entry is about another statement", entered: true,
		},
		"Rekor enters another signature": {
			faults: keylesstest.Faults{Body: func(b []byte) []byte { return alter(b, `"signature":"`) }},
			class:  "rekor_lied", message: "the entry is about another signature", entered: true,
		},
		"Rekor enters something else": {
			faults: keylesstest.Faults{Body: func([]byte) []byte { return []byte(`{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}`) }},
			class:  "rekor_lied", message: `of kind "hashedrekord"`, entered: true,
		},
		"Rekor signs something else": {
			faults: keylesstest.Faults{Promise: func(b []byte) []byte { b[len(b)-1] ^= 1; return b }},
			class:  "rekor_lied", message: "the log has not signed that entry", entered: true,
		},
		"before the certificate": {
			faults: keylesstest.Faults{Time: func() time.Time { return time.Now().Add(-30 * time.Minute) }},
			class:  "rekor_lied", message: "integrated time outside certificate validity", entered: true,
		},
		"after the certificate": {
			faults: keylesstest.Faults{Time: func() time.Time { return time.Now().Add(30 * time.Minute) }},
			class:  "rekor_lied", message: "integrated time outside certificate validity", entered: true,
		},
		"another log": {
			change: func(o *keyless.Options) { o.Rekor = other.Rekor },
			class:  "rekor_lied", message: "not in a log of the trusted root",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := keylesstest.Start(t, tc.faults)
			opts := options(t, i)
			if tc.change != nil {
				tc.change(&opts)
			}
			before := i.Entries()
			_, err := sign(t, opts)
			var f *sdk.Failure
			if !errors.As(err, &f) || f.Class != tc.class || !strings.Contains(err.Error(), tc.message) || f.Transient != tc.transient {
				t.Fatalf("%+v, %v; want class %s, %q", f, err, tc.class, tc.message)
			}
			if !strings.Contains(f.Detail, "Nothing was published.") {
				t.Errorf("no remedy: %q", f.Detail)
			}
			if strings.Contains(err.Error()+f.Detail, opts.Token) {
				t.Errorf("it shows the token: %v", err)
			}
			if (i.Entries() > before) != tc.entered {
				t.Errorf("%d entries", i.Entries()-before)
			}
		})
	}
}

func hurry(o *keyless.Options) { o.Patience = 200 * time.Millisecond }

// alter changes a character of what is behind a mark.
func alter(body []byte, mark string) []byte {
	out := bytes.Clone(body)
	at := bytes.Index(out, []byte(mark)) + len(mark) + 12
	if out[at] == '0' {
		out[at] = '1'
	} else {
		out[at] = '0'
	}
	return out
}

// Stopping a stage ends it at once, with the reason for which it was stopped.
func TestStopped(t *testing.T) {
	t.Parallel()
	i := keylesstest.Start(t, keylesstest.Faults{Fulcio: stall})
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("somebody stopped it")
	cancel(reason)
	if _, err := keyless.Open(ctx, options(t, i)); !errors.Is(err, reason) {
		t.Error(err)
	}
}

// A signature counts for one identity of one issuer, under one root.
func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	i, other := keylesstest.Start(t, keylesstest.Faults{}), keylesstest.Start(t, keylesstest.Faults{})
	b := signed(t, i)
	key, err := bundle.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	byKey, err := key.Sign(t.Context(), statement(t), bundle.PublicKey.CosignHint)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		bundle  bundle.Bundle
		root    *keyless.Root
		by      keyless.Identity
		message string
	}{
		"another issuer":       {b, rootOf(t, i), keyless.Identity{Name: workflow, Issuer: keylesstest.Issuer + "/"}, "signed by somebody else"},
		"another identity":     {b, rootOf(t, i), keyless.Identity{Name: workflow + "x", Issuer: keylesstest.Issuer}, "signed by somebody else"},
		"part of the identity": {b, rootOf(t, i), keyless.Identity{Name: workflow[:20], Issuer: keylesstest.Issuer}, "signed by somebody else"},
		"nobody":               {b, rootOf(t, i), keyless.Identity{}, "signed by somebody else"},
		"another instance":     {b, rootOf(t, other), identity(), "not in a log of the trusted root"},
		"a key":                {byKey, rootOf(t, i), identity(), "signed with a key, without a certificate"},
		"another statement":    {changed(t, b, statement(t), bytes.Replace(statement(t), []byte("abab"), []byte("cdcd"), 1)), rootOf(t, i), identity(), "does not match"},
		"no entry":             {without(t, b), rootOf(t, i), identity(), "not enough verified log entries"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := tc.root.Verify(tc.bundle, tc.by); err == nil || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("%v, want %q", err, tc.message)
			}
		})
	}
}

// changed is a bundle whose statement was exchanged.
func changed(t *testing.T, b bundle.Bundle, before, after []byte) bundle.Bundle {
	t.Helper()
	return parse(t, bytes.ReplaceAll(b.Raw, encoded(before), encoded(after)))
}

func encoded(raw []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(raw)) }

// without is a bundle that has lost its entry.
func without(t *testing.T, b bundle.Bundle) bundle.Bundle {
	t.Helper()
	mark := []byte(`"tlogEntries":[`)
	from := bytes.Index(b.Raw, mark) + len(mark)
	to := bytes.Index(b.Raw, []byte(`]},"dsseEnvelope"`))
	return parse(t, append(bytes.Clone(b.Raw[:from]), b.Raw[to:]...))
}

func parse(t *testing.T, raw []byte) bundle.Bundle {
	t.Helper()
	b, err := bundle.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"https://fulcio.example.com": true, "https://fulcio.example.com/v/": true, "http://127.0.0.1:5555": true, "http://localhost:5555": true, "http://[::1]:5555": true,
		"http://fulcio.example.com": false, "http://10.0.0.1": false, "fulcio.example.com": false, "ftp://127.0.0.1": false, "": false,
		"https://me:secret@fulcio.example.com": false, "https://fulcio.example.com?x=1": false, "https://fulcio.example.com#x": false,
	} {
		if err := keyless.CheckAddress(address); (err == nil) != good || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestParseRootRefuses(t *testing.T) {
	t.Parallel()
	for text, message := range map[string]string{
		"":   "not a trusted root",
		"{}": "not a trusted root",
		`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`: "names no authority",
		strings.Repeat(" ", 4<<20+1): "more than 4194304 bytes",
	} {
		if _, err := keyless.ParseRoot(text); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%.80q: %v", text, err)
		}
	}
}
