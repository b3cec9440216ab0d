// Package keylesstest runs a Fulcio and a Rekor in the process of a test: with an
// authority, a log and an issuer of identity tokens of their own. They check what
// they are sent, as the real ones do. Only tests import it.
package keylesstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// Faults change how an instance behaves; nil changes nothing.
type Faults struct {
	// Certificate changes what Fulcio signs, and for which key.
	Certificate func(template *x509.Certificate, key crypto.PublicKey) crypto.PublicKey
	// Body changes what the log enters.
	Body func(canonical []byte) []byte
	// Time is when the log says that it has entered something.
	Time func() time.Time
	// Promise changes what the log has signed about an entry.
	Promise func(signed []byte) []byte
	// Fulcio and Rekor stand before the services.
	Fulcio, Rekor func(next http.Handler) http.Handler
	// TLS has both behind certificates of an authority of their own.
	TLS bool
}

// Instance is both services.
type Instance struct {
	Fulcio, Rekor string // addresses
	CA            string // PEM of the authority of their TLS certificates, if any
	// Root is a trusted root that names the instance, in JSON.
	Root string

	issuer *ecdsa.PrivateKey // of tokens
	log    *rekor
}

// Start starts an instance that ends with the test.
func Start(t testing.TB, faults Faults) *Instance {
	t.Helper()
	i := &Instance{issuer: newKey(t)}
	authority := newAuthority(t, i.issuer.Public(), faults)
	i.log = newRekor(t, faults)
	i.Fulcio = i.serve(t, authority, faults.Fulcio, faults.TLS)
	i.Rekor = i.serve(t, i.log, faults.Rekor, faults.TLS)
	i.Root = i.root(t, authority)
	return i
}

// Entries is how many entries the log has.
func (i *Instance) Entries() int64 {
	i.log.mu.Lock()
	defer i.log.mu.Unlock()
	return i.log.size
}

func (i *Instance) serve(t testing.TB, h http.Handler, wrap func(http.Handler) http.Handler, secure bool) string {
	if wrap != nil {
		h = wrap(h)
	}
	if !secure {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	i.CA += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	return server.URL
}

func (i *Instance) root(t testing.TB, a *authority) string {
	t.Helper()
	id := logID(t, i.log.key)
	tr, err := root.NewTrustedRoot(root.TrustedRootMediaType01,
		[]root.CertificateAuthority{&root.FulcioCertificateAuthority{
			Root: a.root, Intermediates: []*x509.Certificate{a.intermediate}, ValidityPeriodStart: a.root.NotBefore, URI: i.Fulcio,
		}}, nil, nil,
		map[string]*root.TransparencyLog{hex.EncodeToString(id): {
			BaseURL: i.Rekor, ID: id, ValidityPeriodStart: a.root.NotBefore,
			HashFunc: crypto.SHA256, SignatureHashFunc: crypto.SHA256, PublicKey: i.log.key.Public(),
		}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := tr.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// logID names a log: the SHA-256 of its public key in DER form.
func logID(t testing.TB, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return sum[:]
}
