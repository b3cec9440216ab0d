package decision

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/stagegate/stagegate/sdk/strictjson"
)

// PayloadType is the media type of an in-toto Statement.
const PayloadType = "application/vnd.in-toto+json"

// Bounds on what is read, and on clocks that disagree.
const (
	MaxEnvelope   = 256 << 10
	maxSignatures = 8
	// Skew is how far the clock of the signer may be ahead.
	Skew = 30 * time.Second
)

type envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// Want is what the decision must be about.
type Want struct {
	PlanDigest  string
	Environment string // compared even when it is empty
	Run         string // any when empty
	Stage       string // any when empty
	Nonce       string // any when empty
	Now         time.Time
}

// Sign makes the envelope of a decision.
func Sign(key ed25519.PrivateKey, d Decision) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("%w: the key has %d bytes, not %d", ErrUnsignable, len(key), ed25519.PrivateKeySize)
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsignable, err)
	}
	payload, err := json.Marshal(statementOf(d))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsignable, err)
	}
	return seal(key, payload, MaxEnvelope)
}

// Verify reads a decision and checks signature, verdict, plan, environment, run
// and time, in this order. Nothing of the payload is believed before its
// signature is.
func Verify(data []byte, root TrustRoot, want Want) (Decision, error) {
	payload, err := open(data, root, MaxEnvelope)
	if err != nil {
		return Decision{}, err
	}
	d, err := parseStatement(payload)
	if err != nil {
		return Decision{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := d.satisfies(want); err != nil {
		return Decision{}, err
	}
	return d, nil
}

func (d *Decision) satisfies(want Want) error {
	switch {
	case d.Result != Passed:
		return fmt.Errorf("%w: it says %s", ErrNotPassed, d.Result)
	case d.PlanDigest != want.PlanDigest:
		return fmt.Errorf("%w: it allows %s, the plan is %s", ErrPlanDigest, d.PlanDigest, want.PlanDigest)
	case d.Environment != want.Environment:
		return fmt.Errorf("%w: it is for %q, the plan goes to %q", ErrEnvironment, d.Environment, want.Environment)
	case want.Run != "" && d.Run != want.Run:
		return fmt.Errorf("%w: it was made in run %s, this is run %s", ErrRun, d.Run, want.Run)
	case want.Stage != "" && d.Stage != want.Stage:
		return fmt.Errorf("%w: it was made for %s, this is %s", ErrRun, d.Stage, want.Stage)
	case want.Nonce != "" && d.Nonce != want.Nonce:
		return fmt.Errorf("%w: it has another idempotency key", ErrRun)
	case d.Decided.After(want.Now.Add(Skew)):
		return fmt.Errorf("%w: it was made at %s, now is %s", ErrNotYetValid, stamp(d.Decided), stamp(want.Now))
	case !want.Now.Before(d.Expires):
		return fmt.Errorf("%w: at %s, now is %s; run the pipeline again", ErrExpired, stamp(d.Expires), stamp(want.Now))
	}
	return nil
}

// open returns the payload of an envelope with at least one good signature.
func open(data []byte, root TrustRoot, limit int) ([]byte, error) {
	e, payload, err := unwrap(data, limit)
	if err != nil {
		return nil, err
	}
	if n := len(e.Signatures); n == 0 || n > maxSignatures {
		return nil, fmt.Errorf("%w: it has %d signatures, not 1 to %d", ErrMalformed, n, maxSignatures)
	}
	reason := ErrUnknownKey
	message := pae(e.PayloadType, payload)
	for _, s := range e.Signatures {
		key, known := root.keys[s.KeyID]
		if !known {
			continue
		}
		sig, err := decodeBase64(s.Sig)
		if err == nil && ed25519.Verify(key, message, sig) {
			return payload, nil
		}
		reason = ErrBadSignature
	}
	return nil, fmt.Errorf("%w: key id %.64q", reason, e.Signatures[0].KeyID)
}

// unwrap reads an envelope without believing it.
func unwrap(data []byte, limit int) (e envelope, payload []byte, err error) {
	if len(data) > limit {
		return e, nil, fmt.Errorf("%w: the envelope has %d bytes, more than %d", ErrMalformed, len(data), limit)
	}
	if err := strictjson.Unmarshal(data, &e); err != nil {
		return e, nil, fmt.Errorf("%w: read envelope: %w", ErrMalformed, err)
	}
	if e.PayloadType != PayloadType {
		return e, nil, fmt.Errorf("%w: payload type is %q, not %q", ErrMalformed, e.PayloadType, PayloadType)
	}
	payload, err = decodeBase64(e.Payload)
	if err != nil {
		return e, nil, fmt.Errorf("%w: read payload: %w", ErrMalformed, err)
	}
	return e, payload, nil
}

// pae is the pre-authentication encoding of DSSE v1: what is really signed.
func pae(payloadType string, payload []byte) []byte {
	out := make([]byte, 0, len(payload)+len(payloadType)+32)
	out = append(out, "DSSEv1 "...)
	out = strconv.AppendInt(out, int64(len(payloadType)), 10)
	out = append(out, ' ')
	out = append(out, payloadType...)
	out = append(out, ' ')
	out = strconv.AppendInt(out, int64(len(payload)), 10)
	out = append(out, ' ')
	return append(out, payload...)
}

// decodeBase64 takes both alphabets, as DSSE demands of a verifier.
func decodeBase64(s string) ([]byte, error) {
	out, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		if other, urlErr := base64.URLEncoding.Strict().DecodeString(s); urlErr == nil {
			return other, nil
		}
	}
	return out, err
}
