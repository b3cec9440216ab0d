package delivery_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/notify"
)

// Each request is what the forge's documentation says, to the letter:
// docs.github.com/rest/commits/statuses, docs.gitlab.com/api/commits and the
// API of Gitea, repoCreateStatus.
func TestForges(t *testing.T) {
	t.Parallel()
	const commit = "0123456789abcdef0123456789abcdef01234567"
	const description = "Run 20261126-115900-abcd failed: stage.work: <!channel> Bcc: everybody@example.com[31m"
	for kind, want := range map[notify.Kind]struct {
		project, path string
		header        map[string]string
		body          map[string]any
	}{
		notify.GitHub: {
			"acme/models", "/api/repos/acme/models/statuses/" + commit,
			map[string]string{"Authorization": "Bearer t0ken-of-forge", "Accept": "application/vnd.github+json", "X-Github-Api-Version": "2022-11-28"},
			map[string]any{"state": "failure", "target_url": "https://ci.example.com/20261126-115900-abcd", "description": description, "context": "stagegate/digits"},
		},
		notify.GitLab: {
			"acme/ml/models", "/api/projects/acme%2Fml%2Fmodels/statuses/" + commit,
			map[string]string{"Private-Token": "t0ken-of-forge", "Authorization": ""},
			map[string]any{"state": "failed", "target_url": "https://ci.example.com/20261126-115900-abcd", "description": description, "name": "stagegate/digits"},
		},
		notify.Gitea: {
			"acme/models", "/api/repos/acme/models/statuses/" + commit,
			map[string]string{"Authorization": "token t0ken-of-forge", "Accept": "application/json"},
			map[string]any{"state": "failure", "target_url": "https://ci.example.com/20261126-115900-abcd", "description": description, "context": "stagegate/digits"},
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			mark := notify.Mark{Name: "m", Forge: &notify.Forge{Kind: kind, URL: p.URL + "/api/", Project: want.project, Token: "token", CAFile: p.caFile}}
			if err := courier(nil, &mark, 0).Send(t.Context(), letter(t, notify.Rule{}, mark)); err != nil {
				t.Fatal(err)
			}
			came := p.requests()[0]
			if came.method != http.MethodPost || came.path != want.path || came.header.Get("Content-Type") != "application/json" {
				t.Errorf("the request is %s %s, %s", came.method, came.path, came.header.Get("Content-Type"))
			}
			for name, value := range want.header {
				if got := came.header.Get(name); got != value {
					t.Errorf("%s is %q, want %q", name, got, value)
				}
			}
			var body map[string]any
			if err := json.Unmarshal(came.body, &body); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.body, body); diff != "" {
				t.Errorf("the body (-want +got): %s", diff)
			}
		})
	}
}

// GitLab refuses a status that the commit has already: what was sent before was
// taken, and its answer lost. Any other 400 is a refusal.
func TestGitLabThatHasTheStatusAlready(t *testing.T) {
	t.Parallel()
	answer := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, text)
		}
	}
	p := newPlace(t, answer(`{"message":"Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via \"enqueue\")"}`),
		answer(`{"message":{"name":["is too long"]}}`))
	mark := notify.Mark{Name: "m", Forge: &notify.Forge{Kind: notify.GitLab, URL: p.URL, Project: "17", Token: "token", CAFile: p.caFile}}
	c, l := courier(nil, &mark, 0), letter(t, notify.Rule{}, mark)
	if err := c.Send(t.Context(), l); err != nil {
		t.Errorf("the same status again is %v", err)
	}
	fault := &notify.Fault{}
	if err := c.Send(t.Context(), l); !errors.As(err, &fault) || !fault.Final {
		t.Errorf("another refusal is %v", err)
	}
}
