package keyless

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxToken bounds an identity token.
const maxToken = 64 << 10

var errToken = errors.New("it is not an identity token: a JSON web token has three parts with dots between them")

// claims are the only ones that are looked at here; Fulcio judges the token.
type claims struct {
	Expires float64 `json:"exp"` // seconds since 1970
}

// CheckToken refuses what is no identity token. It does not quote it.
func CheckToken(token string) error {
	_, err := claimsOf(token)
	return err
}

func claimsOf(token string) (claims, error) {
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(token) > maxToken || len(parts) != 3 {
		return claims{}, errToken
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return claims{}, errToken
	}
	var c claims
	if err := json.Unmarshal(raw, &c); err != nil {
		return claims{}, errToken
	}
	return c, nil
}

// usable refuses a token that Fulcio would refuse for its age, before anything is
// packed.
func usable(token string, now time.Time) error {
	c, err := claimsOf(token)
	if err != nil {
		return err
	}
	if expires := time.Unix(int64(c.Expires), 0); c.Expires > 0 && now.After(expires) {
		return fmt.Errorf("it expired at %s", expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// hide takes a token out of what somebody says.
func hide(text, token string) string {
	if token == "" {
		return text
	}
	return strings.ReplaceAll(text, token, "(token)")
}
