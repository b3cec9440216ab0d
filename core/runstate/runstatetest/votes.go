package runstatetest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/runstate"
)

// votes are kept beside a run that somebody else writes, and each once.
func votes(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	other := create(t, open())
	s := open()
	if got, err := s.Votes(t.Context(), r.ID()); err != nil || len(got) != 0 {
		t.Errorf("votes of a new run = %q, %v", got, err)
	}
	for _, vote := range []string{"one", "two", "one"} {
		if err := s.AddVote(t.Context(), r.ID(), []byte(vote)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := open().Votes(t.Context(), r.ID())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, bytes.Compare)
	if diff := cmp.Diff([][]byte{[]byte("one"), []byte("two")}, got); diff != "" {
		t.Errorf("votes (-want +got):\n%s", diff)
	}
	if got, err := s.Votes(t.Context(), other.ID()); err != nil || len(got) != 0 {
		t.Errorf("votes of another run = %q, %v", got, err)
	}
	for _, bad := range [][]byte{nil, make([]byte, 1<<20)} {
		if err := s.AddVote(t.Context(), r.ID(), bad); err == nil {
			t.Errorf("a vote of %d bytes is kept", len(bad))
		}
	}
	for _, id := range []string{"20000101-000000-aaaa", "..", ""} {
		if err := s.AddVote(t.Context(), id, []byte("x")); !errors.Is(err, runstate.ErrNotFound) {
			t.Errorf("AddVote(%q) = %v, want ErrNotFound", id, err)
		}
		if _, err := s.Votes(t.Context(), id); !errors.Is(err, runstate.ErrNotFound) {
			t.Errorf("Votes(%q) = %v, want ErrNotFound", id, err)
		}
	}
}
