package decision

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

const provenanceStatement = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"00"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}`

func TestSealStatement(t *testing.T) {
	t.Parallel()
	key := testKey(1)
	sealed, err := SealStatement(key, []byte(provenanceStatement))
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenStatement(sealed, testRoot(t, key))
	if err != nil || string(got) != provenanceStatement {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := OpenStatement(sealed, testRoot(t, testKey(2))); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("another key: %v", err)
	}
	changed := strings.Replace(string(sealed), `"payload":"`, `"payload":"e30`, 1)
	if _, err := OpenStatement([]byte(changed), testRoot(t, key)); err == nil {
		t.Error("a changed payload is believed")
	}
	large := strings.Replace(provenanceStatement, `"predicate":{}`, `"predicate":"`+strings.Repeat("x", MaxStatement)+`"`, 1)
	if _, err := SealStatement(key, []byte(large)); !errors.Is(err, ErrUnsignable) {
		t.Errorf("too large: %v", err)
	}
	if _, err := SealStatement(nil, []byte(provenanceStatement)); !errors.Is(err, ErrUnsignable) {
		t.Errorf("no key: %v", err)
	}
}

// The same key signs decisions. No statement of another kind allows anything,
// and none that could allow something is signed in this way.
func TestStatementsAreNoDecisions(t *testing.T) {
	t.Parallel()
	key := testKey(1)
	for name, bad := range map[string]string{
		"a decision":    strings.Replace(provenanceStatement, "provenance/v1", "verification_summary/v1", 1),
		"no statement":  `{}`,
		"two types":     strings.Replace(provenanceStatement, `"predicateType"`, `"predicateType":"x","PREDICATETYPE"`, 1),
		"not even JSON": `x`,
	} {
		if _, err := SealStatement(key, []byte(bad)); !errors.Is(err, ErrUnsignable) {
			t.Errorf("%s was sealed: %v", name, err)
		}
	}
	sealed, err := SealStatement(key, []byte(provenanceStatement))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(sealed, testRoot(t, key), Want{Now: time.Now()}); !errors.Is(err, ErrMalformed) {
		t.Errorf("provenance is taken for a decision: %v", err)
	}
	decided, err := Sign(key, testDecision())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStatement(decided, testRoot(t, key)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a decision is taken for a statement: %v", err)
	}
	if !json.Valid(decided) {
		t.Error("not JSON")
	}
}
