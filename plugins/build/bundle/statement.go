package bundle

import (
	"encoding/json"
	"fmt"

	"github.com/stagegate/stagegate/sdk/strictjson"
)

// StatementType is that of an in-toto Statement.
const StatementType = "https://in-toto.io/Statement/v1"

// Statement is an in-toto Statement.
type Statement struct {
	Type          string          `json:"_type"`
	Subject       []Subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate,omitempty"`
}

// Subject is what a statement is about.
type Subject struct {
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest"` // by algorithm, hexadecimal
}

// Encode is a statement as it is signed.
func (s Statement) Encode() ([]byte, error) {
	s.Type = StatementType
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode statement: %w", err)
	}
	return raw, nil
}

// ParseStatement reads one.
func ParseStatement(raw []byte) (Statement, error) {
	var s Statement
	if err := strictjson.Unmarshal(raw, &s); err != nil {
		return Statement{}, fmt.Errorf("read statement: %w", err)
	}
	if s.Type != StatementType {
		return Statement{}, fmt.Errorf("read statement: its type is %.80q, not %s", s.Type, StatementType)
	}
	return s, nil
}
