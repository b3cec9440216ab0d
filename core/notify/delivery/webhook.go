package delivery

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/notify"
)

// keyPrefix marks a key that is written in base64.
const keyPrefix = "whsec_"

// webhook sends the message as JSON, signed as https://www.standardwebhooks.com
// says, so that the libraries there verify it.
func (c *Courier) webhook(ctx context.Context, w *notify.Webhook, l *notify.Letter) error {
	address, err := c.at(ctx, w.Address)
	if err != nil {
		return err
	}
	body, err := json.Marshal(l.Message)
	if err != nil {
		return final("encode the message: %w", err)
	}
	header := map[string]string{"Webhook-Id": l.Key, "Idempotency-Key": l.Key}
	if len(w.Keys) > 0 {
		at := c.o.Now()
		signatures := make([]string, 0, len(w.Keys))
		for _, name := range w.Keys {
			key, err := c.secret(ctx, name)
			if err != nil {
				return err
			}
			signature, err := Sign(key, l.Key, at, body)
			if err != nil {
				return final("sign with secret %q: %w", name, err)
			}
			signatures = append(signatures, signature)
		}
		header["Webhook-Timestamp"] = strconv.FormatInt(at.Unix(), 10)
		header["Webhook-Signature"] = strings.Join(signatures, " ")
	}
	return c.post(ctx, request{address: address, caFile: w.CAFile, body: body, header: header})
}

// Sign is the signature over a message's id, the time at which it is sent, and
// its body. A key that begins with whsec_ is in base64.
func Sign(key, id string, at time.Time, body []byte) (string, error) {
	secret := []byte(key)
	if encoded, ok := strings.CutPrefix(key, keyPrefix); ok {
		decoded, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return "", fmt.Errorf("what follows %s is not base64", keyPrefix)
		}
		secret = decoded
	}
	mac := hmac.New(sha256.New, secret)
	_, _ = fmt.Fprintf(mac, "%s.%d.", id, at.Unix()) // a hash never fails
	_, _ = mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
