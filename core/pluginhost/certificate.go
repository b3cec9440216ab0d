package pluginhost

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/stagegate/stagegate/sdk"
)

// validity of the certificates of one launch; longer than any run.
const validity = 30 * 24 * time.Hour

// identity is the mutual authentication of one launch. It has an authority of
// its own, so that one plugin's certificate opens nothing of another's.
type identity struct {
	client *tls.Config // towards the plugin
	server *tls.Config // for its callbacks
	bundle []byte      // what the plugin gets on its standard input, PEM
}

func newIdentity() (*identity, error) {
	now := time.Now()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "runner"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validity),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}
	if ca, err = x509.ParseCertificate(caDER); err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	host, err := issue(ca, caKey, 2)
	if err != nil {
		return nil, err
	}
	theirs, err := issue(ca, caKey, 3)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	bundle, err := encode(theirs, caDER)
	return &identity{
		client: &tls.Config{
			MinVersion: tls.VersionTLS13, ServerName: sdk.ServerName,
			Certificates: []tls.Certificate{host}, RootCAs: pool,
		},
		server: &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{host},
			ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		},
		bundle: bundle,
	}, err
}

func issue(ca *x509.Certificate, caKey *ecdsa.PrivateKey, serial int64) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make key: %w", err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: sdk.ServerName},
		DNSNames: []string{sdk.ServerName}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issue certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// encode is the launch contract's bundle: leaf, key, authority.
func encode(leaf tls.Certificate, caDER []byte) ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	var out bytes.Buffer
	for _, block := range []*pem.Block{
		{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]},
		{Type: "PRIVATE KEY", Bytes: key},
		{Type: "CERTIFICATE", Bytes: caDER},
	} {
		if err := pem.Encode(&out, block); err != nil {
			return nil, fmt.Errorf("encode certificate: %w", err)
		}
	}
	return out.Bytes(), nil
}
