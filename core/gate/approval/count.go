package approval

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// skew is how far the clocks of two machines may be apart.
const skew = time.Minute

// Question is what has to be approved, and by whom.
type Question struct {
	Run         string
	Stage       string // address
	Environment string
	Plan        string        // digest
	Approvers   []string      // whose voice counts; empty means everybody whom the signers know
	Lifetime    time.Duration // of a voice
	// Asker is who started the run, as an account and, where it is known, as a
	// principal. They may not approve it, unless AllowSelf is set.
	Asker     []string
	AllowSelf bool
}

// Voice is a vote that counts.
type Voice struct {
	Statement
	Fingerprint string // of the key
	Vote        []byte // as it is stored
}

// Ignored is a vote that does not count, and why.
type Ignored struct {
	Principal string // as it claims; empty when it cannot be read
	Reason    string
}

// String says whose vote it is, as it claims, and why it does not count.
func (i Ignored) String() string {
	if i.Principal == "" {
		return "a vote: " + i.Reason
	}
	return "the vote of " + i.Principal + ": " + i.Reason
}

// Tally is the count.
type Tally struct {
	Approved []Voice // one a person and a key, the first ones
	Rejected []Voice
	Ignored  []Ignored
}

// Count verifies every vote and counts those that speak about this question.
// Whoever keeps the votes can keep some back, and nothing else.
func Count(votes [][]byte, signers *Signers, q Question, now time.Time) Tally {
	var t Tally
	var voices []Voice
	for _, data := range sorted(votes) {
		v, err := weigh(data, signers, q, now)
		if err != nil {
			t.Ignored = append(t.Ignored, Ignored{Principal: v.Principal, Reason: err.Error()})
			continue
		}
		voices = append(voices, v)
	}
	slices.SortStableFunc(voices, func(a, b Voice) int { return a.Time.Compare(b.Time) })
	for _, v := range voices {
		if v.Verdict == Reject {
			t.Rejected = append(t.Rejected, v)
			continue
		}
		if err := t.again(v); err != nil {
			t.Ignored = append(t.Ignored, Ignored{Principal: v.Principal, Reason: err.Error()})
			continue
		}
		t.Approved = append(t.Approved, v)
	}
	return t
}

// sorted is votes in an order that does not depend on where they are kept, each
// once.
func sorted(votes [][]byte) [][]byte {
	out := slices.Clone(votes)
	slices.SortFunc(out, func(a, b []byte) int { return cmp.Compare(string(a), string(b)) })
	return slices.CompactFunc(out, slices.Equal)
}

// again is why a voice was heard already.
func (t *Tally) again(v Voice) error {
	for _, other := range t.Approved {
		switch {
		case strings.EqualFold(other.Principal, v.Principal):
			return fmt.Errorf("%s has approved already, and counts once", v.Principal)
		case other.Fingerprint == v.Fingerprint:
			return fmt.Errorf("key %s has approved already, as %s, and counts once", v.Fingerprint, other.Principal)
		}
	}
	return nil
}

// weigh is a vote that counts for a question, or why it does not.
func weigh(data []byte, signers *Signers, q Question, now time.Time) (Voice, error) {
	v, s, signature, err := open(data)
	voice := Voice{Statement: s, Vote: data}
	if err != nil {
		return voice, err
	}
	voice.Fingerprint = ssh.FingerprintSHA256(signature.PublicKey)
	if err := signers.permits(signature.PublicKey, s.Principal, now); err != nil {
		return voice, err
	}
	if err := v.verify(signature, signature.PublicKey); err != nil {
		return voice, fmt.Errorf("its signature is wrong: %w", err)
	}
	if err := q.covers(s); err != nil {
		return voice, err
	}
	if err := q.current(s, now); err != nil {
		return voice, err
	}
	return voice, q.Admits(s.Principal, s.Verdict)
}

// covers is why a statement is about something else.
func (q Question) covers(s Statement) error {
	switch {
	case s.Run != q.Run:
		return fmt.Errorf("it is for run %s, not for this one", s.Run)
	case s.Stage != q.Stage:
		return fmt.Errorf("it is for %s, not for %s", s.Stage, q.Stage)
	case s.Environment != q.Environment:
		return fmt.Errorf("it is for environment %q, not for %q", s.Environment, q.Environment)
	case s.Plan != q.Plan:
		return fmt.Errorf("it is for plan %s; what would be applied now is %s", s.Plan, q.Plan)
	}
	return nil
}

// current is why a statement does not count now.
func (q Question) current(s Statement, now time.Time) error {
	end := s.Expires
	if limit := s.Time.Add(q.Lifetime); limit.Before(end) {
		end = limit
	}
	switch {
	case s.Time.After(now.Add(skew)):
		return fmt.Errorf("it was made in the future, at %s", stamp(s.Time))
	case !now.Before(end):
		return fmt.Errorf("it expired at %s", stamp(end))
	}
	return nil
}

// Admits is why a person's voice does not count for the question. Everybody may
// reject his own run.
func (q Question) Admits(principal string, verdict Verdict) error {
	if len(q.Approvers) > 0 && !slices.Contains(q.Approvers, principal) {
		return fmt.Errorf("%s is not among the stage's approvers", principal)
	}
	if verdict == Approve && !q.AllowSelf && SamePerson(q.Asker, principal) {
		return errors.New(principal + " started the run, and may not approve it")
	}
	return nil
}

// SamePerson reports whether one of the names of who asks is a principal's.
func SamePerson(asker []string, principal string) bool {
	return slices.ContainsFunc(asker, func(name string) bool { return samePerson(name, principal) })
}

// samePerson compares an account or principal with a principal: with or without
// its domain.
func samePerson(asker, principal string) bool {
	account, _, _ := strings.Cut(principal, "@")
	return asker != "" && (strings.EqualFold(asker, principal) || strings.EqualFold(asker, account))
}
