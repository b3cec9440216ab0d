package runstate_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// TestRequestsOfTheDeadAreNotTaken leaves a request in the mailbox of a runner
// that was killed: the one that resumes the run does not see it.
func TestRequestsOfTheDeadAreNotTaken(t *testing.T) {
	t.Parallel()
	s, id, journal := newRun(t, 1)
	dead := filepath.Join(filepath.Dir(journal), "stops", "123")
	if err := os.MkdirAll(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dead, "now.json"), []byte(`{"mode":"now"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	var modes []event.StopMode
	done := make(chan error, 1)
	go func() {
		done <- r.Stops(ctx, func(req runstate.StopRequest) { modes = append(modes, req.Mode) })
	}()
	err = runstate.ErrNotRunning
	for errors.Is(err, runstate.ErrNotRunning) { // as long as the dead one's mailbox is there
		err = s.Stop(t.Context(), id, runstate.StopRequest{Mode: event.StopCleanup})
	}
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(modes) != 1 || modes[0] != event.StopCleanup {
		t.Errorf("taken: %v", modes)
	}
	if _, err := os.Stat(filepath.Dir(dead)); !os.IsNotExist(err) {
		t.Errorf("a mailbox is left: %v", err)
	}
}

// TestWhatIsNoRequestIsLeftAlone puts nonsense beside a request.
func TestWhatIsNoRequestIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	r, err := s.Create(t.Context(), runstate.NewID(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	taken := make(chan runstate.StopRequest, 3)
	done := make(chan error, 1)
	go func() {
		done <- r.Stops(ctx, func(req runstate.StopRequest) {
			boxes, err := filepath.Glob(filepath.Join(s.Home(), "runs", r.ID(), "stops", "*"))
			if err != nil || len(boxes) != 1 {
				t.Errorf("mailboxes: %v, %v", boxes, err)
				return
			}
			for name, content := range map[string]string{"now.json": "no JSON", "later.json": `{"mode":"later"}`} {
				if err := os.WriteFile(filepath.Join(boxes[0], name), []byte(content), 0o600); err != nil {
					t.Error(err)
				}
			}
			taken <- req
		})
	}()
	// The second one is looked for after the nonsense was.
	for _, mode := range []event.StopMode{event.StopAfterCurrent, event.StopCleanup} {
		if err := s.Stop(t.Context(), r.ID(), runstate.StopRequest{Mode: mode}); err != nil {
			t.Fatal(err)
		}
		if got := <-taken; got.Mode != mode {
			t.Errorf("%s was taken for %s", got.Mode, mode)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
