// Package pki makes the certificates and keys of one development cluster.
// Everything is ECDSA P-256 and lives in files below a private directory;
// authorities are kept between runs, the certificates they sign are not.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"time"
)

const (
	authorityLifetime   = 10 * 365 * 24 * time.Hour
	certificateLifetime = 365 * 24 * time.Hour
	// clockSkew tolerates a clock that was set back after a certificate was made.
	clockSkew = time.Hour
)

// Authority signs certificates. It is safe for concurrent use.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	pem         []byte
}

// LoadOrCreateAuthority reads the authority stored in certFile and keyFile and
// creates it, with the given common name, where there is none yet.
func LoadOrCreateAuthority(certFile, keyFile, commonName string) (*Authority, error) {
	authority, err := loadAuthority(certFile, keyFile)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return authority, err
	}
	return createAuthority(certFile, keyFile, commonName)
}

// CertificatePEM returns the authority's own certificate: what a client trusts.
func (a *Authority) CertificatePEM() []byte { return a.pem }

func loadAuthority(certFile, keyFile string) (*Authority, error) {
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("read authority key: %w", err)
	}
	certificate, err := decodeCertificate(certPEM)
	if err != nil {
		return nil, fmt.Errorf("decode authority %s: %w", certFile, err)
	}
	key, err := decodeKey(keyPEM)
	if err != nil {
		return nil, fmt.Errorf("decode authority key %s: %w", keyFile, err)
	}
	return &Authority{certificate: certificate, key: key, pem: certPEM}, nil
}

func createAuthority(certFile, keyFile, commonName string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate authority key: %w", err)
	}
	template, err := newTemplate(pkix.Name{CommonName: commonName}, authorityLifetime)
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.MaxPathLenZero = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse authority: %w", err)
	}
	pair, err := encodePair(der, key)
	if err != nil {
		return nil, err
	}
	// The key goes first: a certificate without its key would never be repaired,
	// a key without its certificate is simply replaced.
	if err := pair.Write(certFile, keyFile); err != nil {
		return nil, err
	}
	return &Authority{certificate: certificate, key: key, pem: pair.Certificate}, nil
}

func newTemplate(subject pkix.Name, lifetime time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("generate serial number: %w", err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    now.Add(-clockSkew),
		NotAfter:     now.Add(lifetime),
	}, nil
}
