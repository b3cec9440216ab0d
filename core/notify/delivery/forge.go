package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/stagegate/stagegate/core/notify"
)

// statusBody is what GitHub and Gitea take. GitLab takes the same, with words of
// its own for the state, and the ref of the commit left to it.
type statusBody struct {
	State       string `json:"state"`
	TargetURL   string `json:"target_url,omitempty"`
	Description string `json:"description"`
	Context     string `json:"context,omitempty"`
	Name        string `json:"name,omitempty"` // GitLab's word for the context
}

// status marks a commit through the API of a forge.
func (c *Courier) status(ctx context.Context, f *notify.Forge, s *notify.Status) error {
	token, err := c.secret(ctx, f.Token)
	if err != nil {
		return err
	}
	r := request{caFile: f.CAFile}
	body := statusBody{State: string(s.State), TargetURL: s.Link, Description: s.Description, Context: s.Context}
	base, commit := strings.TrimRight(f.URL, "/"), url.PathEscape(s.Commit)
	switch f.Kind {
	case notify.GitLab:
		body.Context, body.Name, body.State = "", s.Context, gitlabState(s.State)
		r.address = base + "/projects/" + url.PathEscape(f.Project) + "/statuses/" + commit
		r.header = map[string]string{"PRIVATE-TOKEN": token}
		r.accept = alreadySo
	case notify.Gitea:
		r.address = base + "/repos/" + segments(f.Project) + "/statuses/" + commit
		r.header = map[string]string{"Authorization": "token " + token, "Accept": "application/json"}
	default:
		r.address = base + "/repos/" + segments(f.Project) + "/statuses/" + commit
		r.header = map[string]string{
			"Authorization": "Bearer " + token, "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28",
		}
	}
	if r.body, err = json.Marshal(body); err != nil {
		return final("encode the status: %w", err)
	}
	return c.post(ctx, r)
}

// gitlabState has one word for what went wrong.
func gitlabState(s notify.State) string {
	switch s {
	case notify.StateFailure, notify.StateError:
		return "failed"
	default:
		return string(s)
	}
}

// alreadySo reports whether GitLab refuses a status because the commit has it:
// the one before was taken, and its answer lost.
func alreadySo(status int, body []byte) bool {
	return status == http.StatusBadRequest && bytes.Contains(body, []byte("Cannot transition status via"))
}

// segments escapes the parts of a path.
func segments(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}
