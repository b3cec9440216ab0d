package decision

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// maxEnvelopes bounds what one Apply may carry.
const maxEnvelopes = 16

// Check is what stands before every Apply: content is the plan to the byte,
// want names its digest and where it goes, envelopes are the decisions that
// came with it. The content must hash to the digest, at least one decision must
// be there, and every one of them must allow the plan.
func Check(root TrustRoot, content []byte, envelopes [][]byte, want Want) ([]Decision, error) {
	sum := sha256.Sum256(content)
	if got := "sha256:" + hex.EncodeToString(sum[:]); got != want.PlanDigest {
		return nil, fmt.Errorf("%w: its content has %s, it claims %s", ErrPlanTampered, got, want.PlanDigest)
	}
	if len(envelopes) == 0 {
		return nil, fmt.Errorf("%w: plan %s came without one", ErrMissing, want.PlanDigest)
	}
	if len(envelopes) > maxEnvelopes {
		return nil, fmt.Errorf("%w: %d envelopes, more than %d", ErrMalformed, len(envelopes), maxEnvelopes)
	}
	decisions := make([]Decision, 0, len(envelopes))
	for _, e := range envelopes {
		d, err := Verify(e, root, want)
		if err != nil {
			return nil, err
		}
		decisions = append(decisions, d)
	}
	return decisions, nil
}
