package decision

import (
	"fmt"
	"strings"
	"time"
)

// Result is the verdict that a statement carries.
type Result string

// The results of a verification summary. Only Passed lets a plan through.
const (
	Passed Result = "PASSED"
	Denied Result = "FAILED"
)

// Decision is a verdict on one plan, for one place and a short time.
type Decision struct {
	Result      Result
	PlanDigest  string // "sha256:<hex>"
	Environment string // may be empty; it is compared all the same
	Run         string
	Stage       string // address of the deployer stage
	// Nonce binds the decision to one piece of work: the idempotency key of the
	// stage in its run.
	Nonce       string
	Verifier    string // version of the runner that decided
	Decided     time.Time
	Expires     time.Time
	InputDigest string // "sha256:<hex>" of the policy input, for replay
	Policies    []Policy
	Rules       int // how many rules were evaluated
	Warnings    int
	Waived      int
}

// Policy identifies rules that were evaluated.
type Policy struct {
	Component string `json:"component"` // for example policy.opa
	Bundle    string `json:"bundle"`
	Revision  string `json:"revision,omitempty"`
	Digest    string `json:"digest"` // "sha256:<hex>"
}

// check is what must hold of every decision, whoever made it.
func (d *Decision) check() error {
	switch {
	case d.Result != Passed && d.Result != Denied:
		return fmt.Errorf("result %q is neither %s nor %s", d.Result, Passed, Denied)
	case !isDigest(d.PlanDigest):
		return fmt.Errorf("plan digest %q is not sha256:<64 hex digits>", d.PlanDigest)
	case d.InputDigest != "" && !isDigest(d.InputDigest):
		return fmt.Errorf("input digest %q is not sha256:<64 hex digits>", d.InputDigest)
	case d.Decided.IsZero() || d.Expires.IsZero():
		return fmt.Errorf("time of decision and of expiry are required")
	case !d.Expires.After(d.Decided):
		return fmt.Errorf("it expires at %s, not after %s, when it was made", stamp(d.Expires), stamp(d.Decided))
	case d.Rules < 1:
		return fmt.Errorf("it rests on %d rules", d.Rules)
	case len(d.Policies) == 0:
		return fmt.Errorf("it names no policy")
	}
	for _, p := range d.Policies {
		if !isDigest(p.Digest) {
			return fmt.Errorf("digest %q of policy %s is not sha256:<64 hex digits>", p.Digest, p.Component)
		}
	}
	return nil
}

func isDigest(s string) bool {
	hex, ok := strings.CutPrefix(s, "sha256:")
	return ok && len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
