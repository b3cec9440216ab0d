package decision

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/sdk/strictjson"
)

// MaxStatement bounds the envelope of a statement that is no decision.
const MaxStatement = 4 << 20

var errDecision = errors.New("it is a decision, which only Sign makes and only Verify believes")

// SealStatement signs an in-toto Statement about what the runner has seen. No
// such envelope allows anything: a statement that could be taken for a decision
// is refused.
func SealStatement(key ed25519.PrivateKey, statement []byte) ([]byte, error) {
	if err := checkStatement(statement); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsignable, err)
	}
	return seal(key, statement, MaxStatement)
}

// OpenStatement returns the statement of an envelope that a key of the trust
// root has signed.
func OpenStatement(data []byte, root TrustRoot) ([]byte, error) {
	payload, err := open(data, root, MaxStatement)
	if err != nil {
		return nil, err
	}
	if err := checkStatement(payload); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return payload, nil
}

func checkStatement(raw []byte) error {
	var s struct {
		Type          string `json:"_type"`
		PredicateType string `json:"predicateType"`
	}
	if err := strictjson.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("read statement: %w", err)
	}
	switch {
	case s.Type != StatementType:
		return fmt.Errorf("statement type is %.80q, not %q", s.Type, StatementType)
	case s.PredicateType == PredicateType:
		return errDecision
	}
	return nil
}

// seal makes an envelope.
func seal(key ed25519.PrivateKey, payload []byte, limit int) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("%w: the key has %d bytes, not %d", ErrUnsignable, len(key), ed25519.PrivateKeySize)
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: the key has no Ed25519 public key", ErrUnsignable)
	}
	id, err := KeyID(public)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsignable, err)
	}
	out, err := json.Marshal(envelope{
		PayloadType: PayloadType,
		Payload:     base64.StdEncoding.EncodeToString(payload),
		Signatures: []signature{{
			KeyID: id,
			Sig:   base64.StdEncoding.EncodeToString(ed25519.Sign(key, pae(PayloadType, payload))),
		}},
	})
	if err == nil && len(out) > limit {
		err = fmt.Errorf("%w: it takes %d bytes, more than %d", ErrUnsignable, len(out), limit)
	}
	return out, err
}
