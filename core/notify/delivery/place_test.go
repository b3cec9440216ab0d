package delivery_test

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/notify"
	"github.com/stagegate/stagegate/core/notify/delivery"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
)

// got is a request as it came.
type got struct {
	method, path string
	header       http.Header
	body         []byte
}

// place is a server that answers as it is told, in turn, and keeps what came.
type place struct {
	*httptest.Server
	caFile string

	mu      sync.Mutex
	came    []got
	answers []http.HandlerFunc
}

// newPlace serves HTTPS with a certificate of its own.
func newPlace(t *testing.T, answers ...http.HandlerFunc) *place {
	t.Helper()
	p := &place{answers: answers}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		p.came = append(p.came, got{r.Method, r.URL.EscapedPath(), r.Header.Clone(), body})
		answer := status(http.StatusCreated)
		if len(p.answers) > 0 {
			answer = p.answers[min(len(p.came), len(p.answers))-1]
		}
		p.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(p.Close)
	p.Config.ErrorLog = nil
	p.caFile = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
	if err := os.WriteFile(p.caFile, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) requests() []got {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]got(nil), p.came...)
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

// noon is when everything happens.
func noon() time.Time { return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC) }

// courier knows the given target or mark, and these secrets.
func courier(target *notify.Target, mark *notify.Mark, limit time.Duration) *delivery.Courier {
	secrets := map[string]string{"key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "old_key": "plain old text", "token": "t0ken-of-forge", "password": "pass-word"}
	o := delivery.Options{
		Limit: limit, Now: noon, Clean: func(s string) string { return s },
		Secret: func(_ context.Context, name string) (string, error) { return secrets[name], nil },
	}
	if target != nil {
		o.Targets = []notify.Target{*target}
	}
	if mark != nil {
		o.Marks = []notify.Mark{*mark}
	}
	return delivery.New(o)
}

// failed is a run that failed, with hostile texts.
func failed() *runstate.RunState {
	return &runstate.RunState{
		ID: "20261126-115900-abcd", Status: event.Failed, ExitCode: 3, Started: noon().Add(-time.Minute), Ended: noon(),
		Run: event.Run{
			Pipeline: "digits", Ref: "refs/heads/main", Commit: "0123456789abcdef0123456789abcdef01234567", Clean: true, Repository: "https://git.example.com/acme/models",
		},
		Failure: &event.Failure{Summary: "stage.work: <!channel>\r\nBcc: everybody@example.com\x1b[31m", Detail: "a ``` b \u202e & <https://evil.example.com|click>"},
	}
}

// letter is the one about a failed run, to a target or mark named here.
func letter(t *testing.T, rule notify.Rule, marks ...notify.Mark) *notify.Letter {
	t.Helper()
	o := notify.Occasion{State: failed(), Now: noon(), Marks: marks, Link: "https://ci.example.com/{run}"}
	if rule.Target != "" {
		rule.On = []pipeline.Condition{pipeline.RunFailure}
		o.Rules = []notify.Rule{rule}
	}
	letters := o.Letters()
	if len(letters) != 1 {
		t.Fatalf("there are %d letters", len(letters))
	}
	return letters[0]
}
