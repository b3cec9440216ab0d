package pki

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func newAuthority(t *testing.T) (authority *Authority, certFile, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key")
	authority, err := LoadOrCreateAuthority(certFile, keyFile, "test authority")
	if err != nil {
		t.Fatal(err)
	}
	return authority, certFile, keyFile
}

func TestAuthorityIsKept(t *testing.T) {
	t.Parallel()
	first, certFile, keyFile := newAuthority(t)
	second, err := LoadOrCreateAuthority(certFile, keyFile, "another name")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.CertificatePEM(), second.CertificatePEM()) {
		t.Error("a second call made a new authority")
	}
	info, err := os.Stat(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("key mode = %o, want 600", got)
	}
}

func TestAuthorityDamaged(t *testing.T) {
	t.Parallel()
	_, certFile, keyFile := newAuthority(t)
	if err := os.WriteFile(keyFile, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadOrCreateAuthority(certFile, keyFile, "test authority")
	if err == nil || !strings.Contains(err.Error(), keyFile) {
		t.Errorf("error = %v, want one that names %s", err, keyFile)
	}
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	authority, _, _ := newAuthority(t)
	serverPair, err := authority.IssueServer("server", "127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	clientPair, err := authority.IssueClient("alice", "system:masters")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.CertificatePEM())

	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		subject := r.TLS.PeerCertificates[0].Subject
		_, _ = w.Write([]byte(subject.CommonName + "/" + strings.Join(subject.Organization, ",")))
	}))
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{keyPair(t, serverPair)},
		ClientCAs:    roots,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		MinVersion:   tls.VersionTLS13,
	}
	server.StartTLS()
	t.Cleanup(server.Close)

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		Certificates: []tls.Certificate{keyPair(t, clientPair)},
		RootCAs:      roots,
		MinVersion:   tls.VersionTLS13,
	}}}
	t.Cleanup(client.CloseIdleConnections)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	if got, want := body.String(), "alice/system:masters"; got != want {
		t.Errorf("server saw %q, want %q", got, want)
	}
}

func TestCertificateUsage(t *testing.T) {
	t.Parallel()
	authority, _, _ := newAuthority(t)
	pair, err := authority.IssueClient("alice")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := decodeCertificate(pair.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.CertificatePEM())
	options := x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if _, err := certificate.Verify(options); err == nil {
		t.Error("a client certificate was accepted for a server")
	}
}

func TestSigningKeyIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keyFile, publicFile := filepath.Join(dir, "sa.key"), filepath.Join(dir, "sa.pub")
	var keys [2][]byte
	for i := range keys {
		if err := EnsureKeyPair(keyFile, publicFile); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(keyFile)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = data
	}
	if !bytes.Equal(keys[0], keys[1]) {
		t.Error("a second call made a new signing key")
	}
}

func keyPair(t *testing.T, pair Pair) tls.Certificate {
	t.Helper()
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}
