package decision

import "errors"

// Why a decision does not let a plan through. Each error of Verify, Check and
// LoadTrustRoot wraps exactly one of them and adds the values that disagree.
var (
	ErrMissing      = errors.New("no signed decision")
	ErrMalformed    = errors.New("malformed decision")
	ErrTrustRoot    = errors.New("unusable trust root")
	ErrUnknownKey   = errors.New("decision signed with a key outside the trust root")
	ErrBadSignature = errors.New("decision with a wrong signature")
	ErrNotPassed    = errors.New("decision does not allow the plan")
	ErrPlanDigest   = errors.New("decision is about another plan")
	ErrEnvironment  = errors.New("decision is for another environment")
	ErrRun          = errors.New("decision belongs to another run or stage")
	ErrExpired      = errors.New("decision has expired")
	ErrNotYetValid  = errors.New("decision was made in the future")
	ErrPlanTampered = errors.New("plan does not match its digest")
	ErrUnsignable   = errors.New("decision cannot be signed")
)
