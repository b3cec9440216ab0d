package keylesstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const (
	// lifetime of a certificate, as Fulcio has it.
	lifetime   = 10 * time.Minute
	maxRequest = 1 << 20
)

// authority is a Fulcio.
type authority struct {
	issuer crypto.PublicKey // of tokens
	faults Faults

	root, intermediate *x509.Certificate
	key                *ecdsa.PrivateKey // of the intermediate
}

func newAuthority(t testing.TB, issuer crypto.PublicKey, faults Faults) *authority {
	t.Helper()
	now := time.Now().Add(-time.Hour)
	template := func(name string, usage ...x509.ExtKeyUsage) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: serial(), Subject: pkix.Name{CommonName: name, Organization: []string{"example.com"}},
			NotBefore: now, NotAfter: now.Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: usage,
		}
	}
	a := &authority{issuer: issuer, faults: faults, key: newKey(t)}
	rootKey, top := newKey(t), template("root")
	a.root = certificate(t, top, top, rootKey.Public(), rootKey)
	a.intermediate = certificate(t, template("intermediate", x509.ExtKeyUsageCodeSigning), a.root, a.key.Public(), rootKey)
	return a
}

func serial() *big.Int {
	n, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // the reader never fails
	return n.Add(n, big.NewInt(1))
}

func certificate(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ServeHTTP implements http.Handler.
func (a *authority) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost || req.URL.Path != "/api/v2/signingCert" {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	token, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	c, err := read(token, a.issuer, time.Now())
	if err != nil {
		refuse(w, http.StatusUnauthorized, "There was an error processing the identity token")
		return
	}
	key, err := requested(req.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	leaf, err := a.issue(c, key)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	chain := []string{encode(leaf), encode(a.intermediate.Raw), encode(a.root.Raw)}
	answer(w, http.StatusOK, map[string]any{"signedCertificateEmbeddedSct": map[string]any{"chain": map[string]any{"certificates": chain}}})
}

// requested is the key of a request that was signed with it.
func requested(body io.Reader) (crypto.PublicKey, error) {
	var r struct {
		Request []byte `json:"certificateSigningRequest"`
	}
	if err := json.NewDecoder(io.LimitReader(body, maxRequest)).Decode(&r); err != nil {
		return nil, errors.New("the request is no JSON")
	}
	block, _ := pem.Decode(r.Request)
	if block == nil {
		return nil, errors.New("the request is not in PEM")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err == nil {
		err = request.CheckSignature()
	}
	if err != nil {
		return nil, errors.New("the signature supplied in the request could not be verified")
	}
	return request.PublicKey, nil
}

// issue certifies a key for a workflow, with the issuer of its token in both of
// the extensions that Fulcio writes.
func (a *authority) issue(c claims, key crypto.PublicKey) ([]byte, error) {
	workflow, err := url.Parse(c.Subject)
	if err != nil {
		return nil, err
	}
	issuer, err := asn1.MarshalWithParams(c.Issuer, "utf8")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(), NotBefore: now.Add(-time.Second), NotAfter: now.Add(lifetime), URIs: []*url.URL{workflow},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte(c.Issuer)},
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}, Value: issuer},
		},
	}
	if a.faults.Certificate != nil {
		key = a.faults.Certificate(template, key)
	}
	return x509.CreateCertificate(rand.Reader, template, a.intermediate, key, a.key)
}

func encode(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func refuse(w http.ResponseWriter, status int, why string) {
	answer(w, status, map[string]any{"code": status, "message": why})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who asked may be gone
}
