package gate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/gate/approval"
)

// MaxWaiver is how far ahead the end of a waiver may lie.
const MaxWaiver = 90 * 24 * time.Hour

// Waiver is the operator's word that a violation of one rule, by one plan or
// artifact, is accepted for a while.
type Waiver struct {
	Rule     string
	Digest   string // of the plan or artifact
	Approver string // a person, other than who started the run
	Reason   string
	Expires  time.Time
}

// WaiverRecord is a waiver as policies see it.
type WaiverRecord struct {
	Rule          string    `json:"rule"`
	SubjectDigest string    `json:"subject_digest"`
	Approver      string    `json:"approver"`
	Reason        string    `json:"reason"`
	Expires       time.Time `json:"expires"`
	Refused       string    `json:"refused"` // why it does not count here; empty when it does
}

var (
	ruleName    = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)
	wholeDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// Check is why a waiver could never count, or nil.
func (w Waiver) Check() error {
	switch {
	case !ruleName.MatchString(w.Rule):
		return fmt.Errorf("it is for %q, and not for one rule by its name", w.Rule)
	case !wholeDigest.MatchString(w.Digest):
		return fmt.Errorf("it is for %q, and not for one plan or artifact by its digest (sha256: and 64 hexadecimal digits)", w.Digest)
	case strings.TrimSpace(w.Approver) == "":
		return fmt.Errorf("nobody answers for it")
	case strings.TrimSpace(w.Reason) == "":
		return fmt.Errorf("it gives no reason")
	case w.Expires.IsZero():
		return fmt.Errorf("it does not expire")
	}
	return nil
}

// refused is why a waiver does not count for a request, or nothing.
func (g *Gate) refused(w Waiver, req engine.DecisionRequest, now time.Time) string {
	if err := w.Check(); err != nil {
		return err.Error()
	}
	switch {
	case !now.Before(w.Expires):
		return "it expired at " + w.Expires.UTC().Format(time.RFC3339)
	case w.Expires.After(now.Add(MaxWaiver)):
		return fmt.Sprintf("it lasts until %s, longer than %d days", w.Expires.UTC().Format(time.RFC3339), int(MaxWaiver.Hours()/24))
	case g.opts.Actor == "":
		return "it is not known who started the run, so that nobody can be kept from waiving his own"
	case approval.SamePerson(g.opts.Approvals.asker(g.opts.Actor), w.Approver):
		return w.Approver + " started the run, and may not waive its violations"
	case w.Digest != req.Plan.GetDigest() && !slices.ContainsFunc(req.Evidence.Artifacts, func(a event.Artifact) bool { return a.Digest == w.Digest }):
		return "it is for " + w.Digest + ", which is neither the plan nor an artifact of this run"
	}
	return ""
}

func (g *Gate) waiverRecords(req engine.DecisionRequest, now time.Time) []WaiverRecord {
	out := make([]WaiverRecord, 0, len(g.opts.Waivers))
	for _, w := range g.opts.Waivers {
		out = append(out, WaiverRecord{
			Rule: w.Rule, SubjectDigest: w.Digest, Approver: w.Approver, Reason: w.Reason,
			Expires: w.Expires.UTC(), Refused: g.refused(w, req, now),
		})
	}
	return out
}

// waive moves what is waived out of the violations. It never hides anything, and
// never makes up for a policy that could not be evaluated. The waivers are those
// that the input names, so that a decision is the same when it is made again.
func (v *verdict) waive(in *Input) {
	left := v.violations[:0:0]
	for _, found := range v.violations {
		w := v.covering(found, in)
		if w == nil {
			left = append(left, found)
			continue
		}
		found.Waiver = fmt.Sprintf("%s until %s: %s", w.Approver, w.Expires.UTC().Format(time.RFC3339), w.Reason)
		v.waived = append(v.waived, found)
	}
	v.violations = left
}

// covering is the waiver of a violation, or nil. Those that would have covered
// it and do not count are noted.
func (v *verdict) covering(found event.Violation, in *Input) *WaiverRecord {
	for i, w := range in.Waivers {
		if w.Rule != found.Rule {
			continue
		}
		reason := w.Refused
		if reason == "" && !concerns(w.SubjectDigest, found, in) {
			reason = "it is for " + w.SubjectDigest + ", and the violation is about " + found.Subject
		}
		if reason == "" {
			return &in.Waivers[i]
		}
		v.refuse(fmt.Sprintf("the waiver of %s by %s: %s", w.Rule, w.Approver, reason))
	}
	return nil
}

// concerns reports whether a violation is about what has a digest: all of them
// are about the plan, and one about an artifact names it.
func concerns(digest string, found event.Violation, in *Input) bool {
	if in.Scope == ScopeDeployment && digest == in.Target.Plan.Digest || found.Subject == digest {
		return true
	}
	return slices.ContainsFunc(in.Artifacts, func(a Artifact) bool {
		return a.Digest == digest && a.Name == found.Subject
	})
}

// refuse notes, once, a waiver that does not count.
func (v *verdict) refuse(text string) {
	if len(v.refused) < maxShown && !slices.Contains(v.refused, text) {
		v.refused = append(v.refused, text)
	}
}
