package keylesstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

// Issuer is who issues the tokens of every instance.
const Issuer = "https://issuer.example.com"

// audience is whom tokens are for.
const audience = "sigstore"

type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
}

// Token is an identity token for a workflow, signed by the issuer.
func (i *Instance) Token(t testing.TB, subject string, expires time.Time) string {
	t.Helper()
	raw, err := json.Marshal(claims{Issuer, subject, audience, expires.Unix()})
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(raw)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.issuer, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

var errToken = errors.New("error processing the identity token")

// read believes a token that the issuer has signed for this audience and that is
// not expired.
func read(token string, issuer crypto.PublicKey, now time.Time) (claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, errToken
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return claims{}, errToken
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if key, ok := issuer.(*ecdsa.PublicKey); !ok || !ecdsa.Verify(key, sum[:], r, s) {
		return claims{}, errToken
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return claims{}, errToken
	}
	var c claims
	if err := json.Unmarshal(raw, &c); err != nil || c.Audience != audience || c.Issuer != Issuer || now.Unix() >= c.Expires {
		return claims{}, errToken
	}
	return c, nil
}
