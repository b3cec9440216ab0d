package keyless

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/plugins/build/bundle"
)

// certifyPath is where version 2 of Fulcio's API takes requests.
const certifyPath = "/api/v2/signingCert"

type certifyRequest struct {
	Request []byte `json:"certificateSigningRequest"` // PEM
}

type certifyAnswer struct {
	Embedded issued `json:"signedCertificateEmbeddedSct"`
	Detached issued `json:"signedCertificateDetachedSct"`
}

type issued struct {
	Chain struct {
		Certificates []string `json:"certificates"` // PEM, that of the key first
	} `json:"chain"`
}

// certify has a key certified for whoever the token names. The request is signed
// with the key, which proves that we have it. The chain above the certificate is
// left aside: the trusted root has it.
func certify(ctx context.Context, fulcio endpoint, key bundle.Key, token string) (*x509.Certificate, error) {
	request, err := key.Request()
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(certifyRequest{request})
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	raw, err := fulcio.post(ctx, certifyPath, body, token)
	if err != nil {
		return nil, err
	}
	var answer certifyAnswer
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fulcio.lied(errors.New("it is not JSON of version 2 of Fulcio's API"))
	}
	chain := append(answer.Embedded.Chain.Certificates, answer.Detached.Chain.Certificates...)
	if len(chain) == 0 {
		return nil, fulcio.lied(errors.New("there is no certificate in it"))
	}
	block, _ := pem.Decode([]byte(chain[0]))
	if block == nil {
		return nil, fulcio.lied(errors.New("the certificate is not in PEM"))
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fulcio.lied(fmt.Errorf("read certificate: %w", err))
	}
	public, err := key.Public()
	if err != nil {
		return nil, err
	}
	if !public.Equal(certificate.PublicKey) {
		return nil, fulcio.lied(errors.New("the certificate is for another key"))
	}
	return certificate, nil
}
