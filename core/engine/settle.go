package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/stagegate/stagegate/core/event"
)

// Settle gives a decision the form in which it is recorded: bounded, without
// what mask hides, and with the digest of its outcome. The same decision settles
// to the same bytes, so that one that is made again can be compared.
func Settle(d *event.Decision, mask func(string) string) {
	d.Error = cleaned(mask, d.Error, maxDetail)
	for i := range d.Refused {
		d.Refused[i] = cleaned(mask, d.Refused[i], maxLine)
	}
	for _, list := range [][]event.Violation{d.Violations, d.Warnings, d.Waived} {
		for i := range list {
			cleanViolation(mask, &list[i])
		}
	}
	d.Outcome = outcomeDigest(*d)
}

func cleanViolation(mask func(string) string, v *event.Violation) {
	v.Rule, v.Subject = cleaned(mask, v.Rule, maxName), cleaned(mask, v.Subject, maxLine)
	v.Message, v.Remedy = cleaned(mask, v.Message, maxLine), cleaned(mask, v.Remedy, maxLine)
}

// outcomeDigest is over what a decision says, and not over when it was made,
// how long it holds, or where it is kept.
func outcomeDigest(d event.Decision) string {
	d.Digest, d.Expires, d.Input, d.InputWithheld, d.Outcome = "", time.Time{}, "", "", ""
	data, err := json.Marshal(d)
	if err != nil { // texts and lists of them can always be encoded
		return ""
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
