package approval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/stagegate/stagegate/sdk/strictjson"
)

// Names of the format.
const (
	// StatementType is its version.
	StatementType = "https://github.com/stagegate/stagegate/approval/v1"
	// Namespace keeps a signature made for anything else from being an approval.
	Namespace = "stagegate-approval"
)

// DefaultLifetime is how long a voice counts where neither the stage nor the
// operator says.
const DefaultLifetime = 24 * time.Hour

// Bounds of a statement.
const (
	maxText   = 256
	maxReason = 4 << 10
)

// Verdict is what the person says.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Reject  Verdict = "reject"
)

// Statement is what a person says about a plan. All of it is signed.
type Statement struct {
	Type        string    `json:"_type"`
	Run         string    `json:"run"`
	Stage       string    `json:"stage"` // address
	Environment string    `json:"environment"`
	Plan        string    `json:"plan_digest"`
	Decision    string    `json:"decision_digest"` // that the person saw; it is made again before the plan is applied
	Principal   string    `json:"principal"`
	Verdict     Verdict   `json:"verdict"`
	Reason      string    `json:"reason"`
	Time        time.Time `json:"time"`
	Expires     time.Time `json:"expires"`
}

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// check is why a statement says nothing.
func (s Statement) check() error {
	for name, text := range map[string]string{"run": s.Run, "stage": s.Stage, "principal": s.Principal} {
		if text == "" || len(text) > maxText || !utf8.ValidString(text) {
			return fmt.Errorf("its %s has %d bytes, not 1 to %d", name, len(text), maxText)
		}
	}
	switch {
	case s.Type != StatementType:
		return fmt.Errorf("it is of type %.80q, not %q", s.Type, StatementType)
	case s.Verdict != Approve && s.Verdict != Reject:
		return fmt.Errorf("its verdict is %.20q", s.Verdict)
	case !digestPattern.MatchString(s.Plan) || !digestPattern.MatchString(s.Decision):
		return errors.New("it does not name a plan and a decision by digest")
	case len(s.Environment) > maxText || len(s.Reason) > maxReason || !utf8.ValidString(s.Environment+s.Reason):
		return fmt.Errorf("its reason has more than %d bytes, or its environment more than %d", maxReason, maxText)
	case !s.Expires.After(s.Time):
		return errors.New("it ends before it begins")
	}
	return nil
}

// encode is the one form of a statement: what is signed.
func (s Statement) encode() ([]byte, error) {
	s.Type = StatementType
	s.Time, s.Expires = s.Time.UTC().Truncate(time.Second), s.Expires.UTC().Truncate(time.Second)
	if err := s.check(); err != nil {
		return nil, err
	}
	return json.Marshal(s)
}

// parseStatement reads a statement in its one form.
func parseStatement(data []byte) (Statement, error) {
	var s Statement
	if err := strictjson.Unmarshal(data, &s); err != nil {
		return Statement{}, err
	}
	if err := s.check(); err != nil {
		return Statement{}, err
	}
	again, err := s.encode()
	if err != nil {
		return Statement{}, err
	}
	if !bytes.Equal(again, data) {
		return Statement{}, errors.New("it is not written in its one form")
	}
	return s, nil
}
