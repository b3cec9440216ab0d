package bundle

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/stagegate/stagegate/sdk/strictjson"
)

// Media types of a bundle and of what it holds.
const (
	MediaType   = "application/vnd.dev.sigstore.bundle.v0.3+json"
	PayloadType = "application/vnd.in-toto+json"
)

// MaxSize bounds a bundle that is read.
const MaxSize = 32 << 20

// Errors of Verify.
var (
	ErrMalformed = errors.New("not a sigstore bundle 0.3 with one signed statement")
	ErrOtherKey  = errors.New("signed with another key")
	ErrSignature = errors.New("the signature is wrong: the statement was changed, or signed with another key")
)

// document is a bundle on disk. Readers of both sides want the empty fields.
type document struct {
	MediaType string   `json:"mediaType"`
	Material  material `json:"verificationMaterial"`
	Envelope  Envelope `json:"dsseEnvelope"`
}

type material struct {
	PublicKey   *publicKey        `json:"publicKey,omitempty"`
	Certificate json.RawMessage   `json:"certificate,omitempty"`
	Chain       json.RawMessage   `json:"x509CertificateChain,omitempty"`
	TlogEntries []json.RawMessage `json:"tlogEntries"`
}

type publicKey struct {
	Hint string `json:"hint,omitempty"`
}

// Envelope is a DSSE envelope.
type Envelope struct {
	Payload     string      `json:"payload"` // base64
	PayloadType string      `json:"payloadType"`
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of an envelope.
type Signature struct {
	Sig   string `json:"sig"` // base64
	KeyID string `json:"keyid"`
}

// Signer makes bundles. Naming is how readers of the statement name a key, where
// there is one to name.
type Signer interface {
	Sign(ctx context.Context, statement []byte, naming Naming) (Bundle, error)
}

// Naming is what a bundle calls the key that its reader needs.
type Naming func(key PublicKey) string

// Sign implements Signer.
func (k Key) Sign(_ context.Context, statement []byte, naming Naming) (Bundle, error) {
	public, err := k.Public()
	if err != nil {
		return Bundle{}, fmt.Errorf("sign: %w", err)
	}
	envelope, err := k.Envelope(statement)
	if err != nil {
		return Bundle{}, err
	}
	return encode(document{
		MediaType: MediaType,
		Material:  material{PublicKey: &publicKey{Hint: naming(public)}, TlogEntries: []json.RawMessage{}},
		Envelope:  envelope,
	})
}

// Envelope signs a statement.
func (k Key) Envelope(statement []byte) (Envelope, error) {
	signature, err := k.sign(PreAuth(PayloadType, statement))
	if err != nil {
		return Envelope{}, fmt.Errorf("sign: %w", err)
	}
	return Envelope{
		Payload: base64.StdEncoding.EncodeToString(statement), PayloadType: PayloadType,
		Signatures: []Signature{{Sig: base64.StdEncoding.EncodeToString(signature)}},
	}, nil
}

// Certify makes a bundle of an envelope whose key has a certificate, given in DER
// form, and of the entry in a transparency log that says when it was there.
func Certify(e Envelope, certificate []byte, entry json.RawMessage) (Bundle, error) {
	held, err := json.Marshal(struct {
		RawBytes []byte `json:"rawBytes"`
	}{certificate})
	if err != nil {
		return Bundle{}, fmt.Errorf("encode certificate: %w", err)
	}
	return encode(document{
		MediaType: MediaType,
		Material:  material{Certificate: held, TlogEntries: []json.RawMessage{entry}},
		Envelope:  e,
	})
}

func encode(d document) (Bundle, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return Bundle{}, fmt.Errorf("encode bundle: %w", err)
	}
	return Parse(raw)
}

// Wrap makes a bundle of what somebody else has signed with a key, without a look
// at the signature. The key is named by the hint alone, as cosign does: its
// library passes over a signature whose key has a name of another form.
func Wrap(envelope []byte) (Bundle, error) {
	var e Envelope
	if err := strictjson.Unmarshal(envelope, &e); err != nil {
		return Bundle{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	hint := ""
	if len(e.Signatures) == 1 { // Parse refuses any other number
		if sum, err := hex.DecodeString(e.Signatures[0].KeyID); err == nil {
			hint = base64.StdEncoding.EncodeToString(sum)
		}
		e.Signatures[0].KeyID = ""
	}
	return encode(document{
		MediaType: MediaType,
		Material:  material{PublicKey: &publicKey{Hint: hint}, TlogEntries: []json.RawMessage{}},
		Envelope:  e,
	})
}

// Bundle is a bundle that nobody vouches for until Verify does.
type Bundle struct {
	Raw      []byte
	Envelope Envelope
	Hint     string // of a public key; empty when there is none
	// Certified says that it holds a certificate instead of naming a key.
	Certified bool

	payload, signature []byte
}

// Parse reads a bundle without believing it.
func Parse(raw []byte) (Bundle, error) {
	if len(raw) > MaxSize {
		return Bundle{}, fmt.Errorf("%w: it has more than %d bytes", ErrMalformed, MaxSize)
	}
	var d document
	if err := strictjson.Unmarshal(raw, &d); err != nil {
		return Bundle{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	e := d.Envelope
	switch {
	case d.MediaType != MediaType:
		return Bundle{}, fmt.Errorf("%w: its media type is %.80q", ErrMalformed, d.MediaType)
	case e.PayloadType != PayloadType:
		return Bundle{}, fmt.Errorf("%w: the payload is of type %.80q", ErrMalformed, e.PayloadType)
	case len(e.Signatures) != 1:
		return Bundle{}, fmt.Errorf("%w: it has %d signatures", ErrMalformed, len(e.Signatures))
	}
	b := Bundle{Raw: raw, Envelope: e, Certified: d.Material.Certificate != nil || d.Material.Chain != nil}
	if d.Material.PublicKey != nil {
		b.Hint = d.Material.PublicKey.Hint
	}
	var err error
	if b.payload, err = base64.StdEncoding.DecodeString(e.Payload); err == nil {
		b.signature, err = base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
	}
	if err != nil {
		return Bundle{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return b, nil
}

// Verify returns the statement when the key has signed it.
func (b Bundle) Verify(key PublicKey) ([]byte, error) {
	if key.Verify(PreAuth(b.Envelope.PayloadType, b.payload), b.signature) {
		return b.payload, nil
	}
	if b.Certified || b.Hint != "" && !key.named(b.Hint) {
		return nil, ErrOtherKey
	}
	return nil, ErrSignature
}

// Unverified is the statement, whoever has signed it: to find out what a bundle
// is about, never to act upon.
func (b Bundle) Unverified() []byte { return b.payload }

// PreAuth is the pre-authentication encoding of DSSE: what is really signed.
func PreAuth(payloadType string, payload []byte) []byte {
	head := "DSSEv1 " + strconv.Itoa(len(payloadType)) + " " + payloadType + " " + strconv.Itoa(len(payload)) + " "
	return append([]byte(head), payload...)
}
