package view_test

import (
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/view"
)

// screen is a terminal and what was written to it.
type screen struct {
	terminal *os.File
	done     chan struct{}

	mu   sync.Mutex
	text strings.Builder
}

func newScreen(t *testing.T, columns uint16) *screen {
	t.Helper()
	us, them, err := pty.Open()
	if err != nil {
		t.Skipf("there is no pseudo terminal: %v", err)
	}
	if err := pty.Setsize(us, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	s := &screen{terminal: them, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		buffer := make([]byte, 4096)
		for {
			n, err := us.Read(buffer)
			s.mu.Lock()
			s.text.Write(buffer[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = them.Close()
		_ = us.Close()
		<-s.done
	})
	return s
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// shows waits until the terminal got a text.
func (s *screen) shows(t *testing.T, text string) {
	t.Helper()
	s.until(t, "the terminal shows "+text, func(all string) bool { return strings.Contains(all, text) })
}

func (s *screen) until(t *testing.T, what string, condition func(string) bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !condition(s.String()) {
		select {
		case <-deadline:
			t.Fatalf("%s: not within 10s; it got %q", what, s.String())
		case <-ticker.C:
		}
	}
}

// On a terminal a running stage has a line that is redrawn in its place, and
// what stays is printed above it, once.
func TestLiveRedraws(t *testing.T) {
	t.Parallel()
	s := newScreen(t, 80)
	v, err := view.New(view.Options{Format: view.Auto, Out: s.terminal, IsTerm: true, Color: true})
	if err != nil {
		t.Fatal(err)
	}
	events := story()
	v.Show(events[0])
	v.Show(events[2]) // weights has started
	s.shows(t, "weights")
	v.Show(events[4]) // progress
	s.shows(t, "upload  1.0 MiB of 3.0 MiB")
	const up = "\x1b[1A"
	s.until(t, "the line is redrawn", func(all string) bool { return strings.Count(all, up) >= 3 })
	v.Show(events[8]) // weights has ended
	s.shows(t, "succeeded")
	v.Close()
	all := s.String()
	if n := strings.Count(all, "succeeded"); n != 1 {
		t.Errorf("what stays was printed %d times in %q", n, all)
	}
	// The last thing is not a line of progress.
	if last := all[strings.LastIndex(all, "succeeded"):]; strings.Contains(last, "upload") {
		t.Errorf("a line of progress is left: %q", last)
	}
}

// A line longer than the terminal would break into two, and redrawing would
// leave one of them behind.
func TestLiveFitsTheTerminal(t *testing.T) {
	t.Parallel()
	s := newScreen(t, 40)
	v, err := view.New(view.Options{Format: view.Live, Out: s.terminal, IsTerm: true})
	if err != nil {
		t.Fatal(err)
	}
	events := story()
	v.Show(events[0])
	v.Show(events[2])
	v.Show(event.Event{Type: event.StageProgress, Stage: "weights", Progress: &event.Progress{Task: "begin" + strings.Repeat("x", 200) + "\nend\x1b[2J"}})
	s.shows(t, "beginxxx")
	v.Close()
	all := s.String()
	if strings.Contains(all, "\x1b[2J") {
		t.Errorf("a plugin has cleared the screen: %q", all)
	}
	if strings.Contains(all, strings.Repeat("x", 40)) {
		t.Errorf("a line is wider than the terminal: %q", all)
	}
}

// Many stages at once, ended by Close while they run.
func TestLiveCloses(t *testing.T) {
	t.Parallel()
	s := newScreen(t, 80)
	v, err := view.New(view.Options{Format: view.Live, Out: s.terminal, IsTerm: true})
	if err != nil {
		t.Fatal(err)
	}
	v.Show(story()[0])
	for _, stage := range []string{"weights", "accuracy", "unit", "serve", "notify"} {
		v.Show(event.Event{Type: event.AttemptStarted, Stage: stage, Attempt: 1})
	}
	s.shows(t, "notify")
	v.Close()
	if _, err := io.WriteString(s.terminal, "the end"); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "the end")
}
