package delivery_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/notify"
	"github.com/stagegate/stagegate/core/notify/delivery"
)

// box keeps letters in memory.
type box struct {
	mu   sync.Mutex
	kept map[string][]byte
	full error // what Put says
}

func (b *box) All() (map[string][]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.kept), nil
}

func (b *box) Put(name string, letter []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full != nil {
		return b.full
	}
	if b.kept == nil {
		b.kept = make(map[string][]byte)
	}
	b.kept[name] = letter
	return nil
}

func holding(t *testing.T, letters ...*notify.Letter) *box {
	t.Helper()
	b := new(box)
	if err := delivery.Add(b, letters); err != nil {
		t.Fatal(err)
	}
	return b
}

func deliver(t *testing.T, c *delivery.Courier, b *box, round delivery.Round) []*notify.Letter {
	t.Helper()
	letters, err := c.Deliver(t.Context(), b, round)
	if err != nil {
		t.Fatal(err)
	}
	return letters
}

// What was taken is not sent again, what failed is when its time has come, and
// what was refused only when somebody asks for it.
func TestLettersAreSentOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t, status(500), status(404), status(200))
	c, b := courier(webhookAt(p, ""), nil, 0), holding(t, letter(t, notify.Rule{Target: "hook"}))
	for i, want := range []struct {
		round    delivery.Round
		progress notify.Progress
		requests int
	}{
		{delivery.Round{Once: true}, notify.ToSend, 1},
		{delivery.Round{Once: true}, notify.ToSend, 1}, // its time has not come: the clock stands
		{delivery.Round{Once: true, Again: true}, notify.Refused, 2},
		{delivery.Round{Once: true}, notify.Refused, 2},
		{delivery.Round{Once: true, Again: true}, notify.Sent, 3},
		{delivery.Round{Once: true, Again: true}, notify.Sent, 3},
	} {
		l := deliver(t, c, b, want.round)[0]
		if n := len(p.requests()); l.Progress != want.progress || n != want.requests || l.Attempts != n {
			t.Errorf("round %d: %s after %d requests and %d attempts, want %s after %d", i, l.Progress, n, l.Attempts, want.progress, want.requests)
		}
	}
	if err := delivery.Add(b, []*notify.Letter{letter(t, notify.Rule{Target: "hook"})}); err != nil {
		t.Fatal(err)
	}
	if l := deliver(t, c, b, delivery.Round{}); len(l) != 1 || len(p.requests()) != 3 {
		t.Errorf("the same letter is there %d times, and was sent %d times", len(l), len(p.requests()))
	}
}

// A process that cannot keep what became of a letter, or is killed before, sends
// it again, with the same key.
func TestSentAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c, b := courier(webhookAt(p, ""), nil, 0), holding(t, letter(t, notify.Rule{Target: "hook"}))
	b.full = errors.New("no space left on device")
	if _, err := c.Deliver(t.Context(), b, delivery.Round{}); !errors.Is(err, b.full) {
		t.Fatalf("the error is %v", err)
	}
	b.full = nil
	deliver(t, c, b, delivery.Round{})
	came := p.requests()
	if len(came) != 2 || came[0].header.Get("Webhook-Id") == "" || came[0].header.Get("Webhook-Id") != came[1].header.Get("Webhook-Id") {
		t.Errorf("the requests are %+v", came)
	}
}

// A place that hangs keeps no other place waiting.
func TestPlacesDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	first := newPlace(t, func(http.ResponseWriter, *http.Request) { <-release })
	second := newPlace(t, func(w http.ResponseWriter, _ *http.Request) {
		close(release)
		w.WriteHeader(http.StatusOK)
	})
	targets := []notify.Target{*webhookAt(first, ""), *webhookAt(second, "")}
	targets[0].Name, targets[1].Name = "a", "b"
	c := delivery.New(delivery.Options{
		Targets: targets, Now: noon, Clean: func(s string) string { return s },
		Secret: func(context.Context, string) (string, error) { return "secret", nil },
	})
	b := holding(t, letter(t, notify.Rule{Target: "a"}), letter(t, notify.Rule{Target: "b"}))
	for _, l := range deliver(t, c, b, delivery.Round{}) {
		if l.Progress != notify.Sent {
			t.Errorf("%s: %s, %s", l.Where(), l.Progress, l.Problem)
		}
	}
}

// A commit is not marked as pending once it is known how the run ended.
func TestLaterStatusCounts(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	mark := notify.Mark{Name: "m", Forge: &notify.Forge{Kind: notify.GitHub, URL: p.URL, Project: "a/b", Token: "token", CAFile: p.caFile}}
	pending, ended := letter(t, notify.Rule{}, mark), letter(t, notify.Rule{}, mark)
	pending.Key, pending.Status.State, pending.Created = "pending", notify.StatePending, noon().Add(-time.Minute)
	letters := deliver(t, courier(nil, &mark, 0), holding(t, ended, pending), delivery.Round{})
	if letters[0].Progress != notify.Superseded || letters[1].Progress != notify.Sent || len(p.requests()) != 1 {
		t.Errorf("%s, %s, %d requests", letters[0].Progress, letters[1].Progress, len(p.requests()))
	}
}

// What the operator has taken out of the configuration is nobody's any more.
func TestPlaceThatIsGone(t *testing.T) {
	t.Parallel()
	mark := notify.Mark{Name: "m", Notes: true}
	for _, l := range []*notify.Letter{letter(t, notify.Rule{Target: "gone"}), letter(t, notify.Rule{}, mark)} {
		if got := deliver(t, courier(nil, nil, 0), holding(t, l), delivery.Round{})[0]; got.Progress != notify.Refused {
			t.Errorf("%s: %s", got.Where(), got.Progress)
		}
	}
}
