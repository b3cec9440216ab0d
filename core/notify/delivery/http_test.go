package delivery_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/notify"
	"github.com/stagegate/stagegate/core/notify/delivery"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func webhookAt(p *place, path string) *notify.Target {
	return &notify.Target{Name: "hook", Webhook: &notify.Webhook{
		Address: notify.Address{URL: p.URL + path, CAFile: p.caFile}, Keys: []string{"old_key", "key"},
	}}
}

// The specification's own library accepts what we sign, refuses it once
// anything is changed, and gives the signature of the specification's example.
func TestWebhooksAreSignedByTheStandard(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	l := letter(t, notify.Rule{Target: "hook"})
	if err := courier(webhookAt(p, "/in?a=b"), nil, 0).Send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	came := p.requests()[0]
	verifier, err := standardwebhooks.NewWebhook("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.VerifyIgnoringTimestamp(came.body, came.header); err != nil {
		t.Errorf("the library of the standard says: %v", err)
	}
	if err := verifier.VerifyIgnoringTimestamp(append(came.body, ' '), came.header); err == nil {
		t.Error("a changed body is accepted")
	}
	for _, name := range []string{"Webhook-Id", "Webhook-Timestamp"} {
		changed := came.header.Clone()
		changed.Set(name, changed.Get(name)+"1")
		if err := verifier.VerifyIgnoringTimestamp(came.body, changed); err == nil {
			t.Errorf("a changed %s is accepted", name)
		}
	}
	if got := came.header.Get("Webhook-Timestamp"); got != "1795694400" {
		t.Errorf("the time is %s", got)
	}
	if id := came.header.Get("Webhook-Id"); id != l.Key || came.header.Get("Idempotency-Key") != id || len(strings.Fields(came.header.Get("Webhook-Signature"))) != 2 {
		t.Errorf("headers are %v, the key %s", came.header, l.Key)
	}
	var body notify.Message
	if err := json.Unmarshal(came.body, &body); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*l.Message, body); diff != "" {
		t.Errorf("the message (-want +got): %s", diff)
	}
}

// The example of the standard, made with its library.
func TestSignKnownExample(t *testing.T) {
	t.Parallel()
	at := time.Unix(1614265330, 0)
	const key, id, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", `{"test": 2432232314}`
	theirs, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		t.Fatal(err)
	}
	want, err := theirs.Sign(id, at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := delivery.Sign(key, id, at, []byte(body)); err != nil || got != want {
		t.Errorf("the signature is %s, %v; want %s", got, err, want)
	}
	if _, err := delivery.Sign("whsec_not base64!", id, at, nil); err == nil {
		t.Error("a key that is not base64 signs")
	}
}

func TestSlackText(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	target := &notify.Target{Name: "chat", Slack: &notify.Slack{Address: notify.Address{URL: p.URL, CAFile: p.caFile}, Channel: "#all"}}
	for _, rule := range []notify.Rule{{Target: "chat"}, {Target: "chat", Channel: "#ml"}} {
		if err := courier(target, nil, 0).Send(t.Context(), letter(t, rule)); err != nil {
			t.Fatal(err)
		}
	}
	var texts [2]struct{ Text, Channel string }
	for i, came := range p.requests() {
		if err := json.Unmarshal(came.body, &texts[i]); err != nil {
			t.Fatal(err)
		}
	}
	if texts[0].Channel != "#all" || texts[1].Channel != "#ml" {
		t.Errorf("the channels are %q and %q", texts[0].Channel, texts[1].Channel)
	}
	text := texts[0].Text
	if strings.ContainsAny(text, "<>\x1b\u202e\r") || !strings.Contains(text, "&lt;!channel&gt;") || strings.Count(text, "```") != 2 {
		t.Errorf("the text could do more than be read: %q", text)
	}
	if !strings.HasPrefix(text, "*digits failed on main (0123456789ab)*\n") {
		t.Errorf("the text begins with %.60q", text)
	}
}

// What the other side may do, and what becomes of the letter.
func TestFaultsOfHTTP(t *testing.T) {
	t.Parallel()
	elsewhere := newPlace(t)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		final  bool
		after  time.Duration
		says   string
	}{
		"500":                {status(500), false, 0, "500 Internal Server Error"},
		"429 with seconds":   {status(429, "Retry-After", "120"), false, 2 * time.Minute, "429"},
		"503 with a date":    {status(503, "Retry-After", "Thu, 26 Nov 2026 12:05:00 GMT"), false, 5 * time.Minute, "503"},
		"503 with nonsense":  {status(503, "Retry-After", "soon"), false, 0, "503"},
		"403 by rate limit":  {status(403, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1795694460"), false, time.Minute, "403"},
		"403":                {status(403), true, 0, "403"},
		"404":                {status(404), true, 0, "404"},
		"408":                {status(408), false, 0, "408"},
		"redirect elsewhere": {status(307, "Location", elsewhere.URL), true, 0, "a redirect to another place is not followed"},
		"redirect that loses the body": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusFound)
		}, true, 0, "not followed"},
		"redirect for ever": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
		}, true, 0, "not followed"},
		"cut": {func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, false, 0, "EOF"},
		"huge": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			for range 1 << 10 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, false, 0, "502"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, c.answer)
			err := courier(webhookAt(p, "/secret-path"), nil, 0).Send(t.Context(), letter(t, notify.Rule{Target: "hook"}))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("the error is %v", err)
			}
			if strings.Contains(err.Error(), "secret-path") || strings.Contains(err.Error(), p.URL) {
				t.Errorf("the error tells the address: %v", err)
			}
			fault := &notify.Fault{}
			errors.As(err, &fault)
			if fault.Final != c.final || fault.After != c.after {
				t.Errorf("final %v, after %s; want %v, %s", fault.Final, fault.After, c.final, c.after)
			}
		})
	}
	if n := len(elsewhere.requests()); n != 0 {
		t.Errorf("the other host got %d requests", n)
	}
}

// A server that takes the request and says nothing holds nobody up for longer
// than the limit. One that has said yes is believed, whatever follows.
func TestServersThatHang(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	silent := newPlace(t, func(http.ResponseWriter, *http.Request) { <-release })
	slow := newPlace(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-release
	})
	defer close(release)
	err := courier(webhookAt(silent, ""), nil, 100*time.Millisecond).Send(t.Context(), letter(t, notify.Rule{Target: "hook"}))
	if err == nil || !strings.Contains(err.Error(), "no answer within 100ms") {
		t.Errorf("the error is %v", err)
	}
	if err := courier(webhookAt(slow, ""), nil, time.Second).Send(t.Context(), letter(t, notify.Rule{Target: "hook"})); err != nil {
		t.Errorf("an answer 200 that does not end is %v", err)
	}
}

func TestRedirectOnTheSameHost(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/moved", http.StatusPermanentRedirect)
	}, status(200))
	if err := courier(webhookAt(p, "/in"), nil, 0).Send(t.Context(), letter(t, notify.Rule{Target: "hook"})); err != nil {
		t.Fatal(err)
	}
	if came := p.requests(); len(came) != 2 || came[1].path != "/moved" || came[1].method != "POST" || len(came[1].body) == 0 {
		t.Errorf("the requests are %+v", came)
	}
}

// A certificate that nobody vouches for is refused.
func TestUnknownAuthority(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	target := webhookAt(p, "")
	target.Webhook.CAFile = ""
	if err := courier(target, nil, 0).Send(t.Context(), letter(t, notify.Rule{Target: "hook"})); err == nil || len(p.requests()) != 0 {
		t.Errorf("the error is %v, and %d requests came", err, len(p.requests()))
	}
}
