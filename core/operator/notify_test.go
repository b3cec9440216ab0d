package operator_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/notify"
	"github.com/stagegate/stagegate/core/operator"
	"github.com/stagegate/stagegate/core/pipeline"
)

const messages = `
secret "hook" { env = "HOOK" }
secret "key" { env = "KEY" }
secret "smtp" { env = "SMTP" }
secret "forge" { env = "FORGE" }
secret "dataset" { env = "DATASET" }
`

func TestParseMessages(t *testing.T) {
	t.Parallel()
	c, diags := operator.Parse([]byte(messages+`
run_url = "https://ci.example.com/{run}"
target "hook" {
  webhook {
    url_secret  = "hook"
    key_secrets = ["key"]
  }
}
target "chat" {
  slack {
    url     = "https://chat.example.com/hooks/x"
    channel = "#all"
    ca_file = "/etc/ca.pem"
  }
  allow { channels = ["#ml-*"] }
}
target "mail" {
  email {
    server          = "smtp.example.com:587"
    username        = "u"
    password_secret = "smtp"
    from            = "a@example.com"
  }
  allow {
    pipelines  = ["digits"]
    recipients = ["*@example.com"]
  }
}
notify "n" {
  target    = "mail"
  on        = ["failure", "fixed"]
  pipelines = ["digits"]
  branches  = ["main"]
  to        = ["b@example.com"]
}
mark "hub" {
  github {
    project      = "acme/models"
    token_secret = "forge"
  }
  repositories = ["https://github.com/acme/*"]
}
mark "notes" {
  git_notes {}
}
`), "runner.hcl")
	if len(diags) > 0 {
		t.Fatalf("got %+v", diags)
	}
	want := []notify.Target{
		{Name: "hook", Webhook: &notify.Webhook{Address: notify.Address{Secret: "hook"}, Keys: []string{"key"}}},
		{
			Name: "chat", Slack: &notify.Slack{Address: notify.Address{URL: "https://chat.example.com/hooks/x", CAFile: "/etc/ca.pem"}, Channel: "#all"},
			Allow: &notify.Allow{Channels: []string{"#ml-*"}},
		},
		{
			Name:  "mail",
			Email: &notify.Email{Host: "smtp.example.com", Port: 587, Security: notify.StartTLS, Username: "u", Password: "smtp", From: "a@example.com"},
			Allow: &notify.Allow{Pipelines: []string{"digits"}, Recipients: []string{"*@example.com"}},
		},
	}
	if diff := cmp.Diff(want, c.Targets); diff != "" {
		t.Errorf("targets (-want +got): %s", diff)
	}
	if diff := cmp.Diff([]notify.Rule{{
		Name: "n", Target: "mail", On: []pipeline.Condition{pipeline.RunFailure, pipeline.RunFixed}, Pipelines: []string{"digits"}, Branches: []string{"main"}, To: []string{"b@example.com"},
	}}, c.Notify); diff != "" {
		t.Errorf("rules (-want +got): %s", diff)
	}
	if diff := cmp.Diff([]notify.Mark{
		{Name: "hub", Forge: &notify.Forge{Kind: notify.GitHub, URL: "https://api.github.com", Project: "acme/models", Token: "forge"}, Repositories: []string{"https://github.com/acme/*"}},
		{Name: "notes", Notes: true},
	}, c.Marks); diff != "" {
		t.Errorf("marks (-want +got): %s", diff)
	}
	// What targets and marks need is not for pipelines.
	if len(c.Secrets) != 1 || c.Secrets["dataset"].Env != "DATASET" || len(c.OwnSecrets) != 4 {
		t.Errorf("secrets %v, own %v", c.Secrets, c.OwnSecrets)
	}
}

func TestBadMessages(t *testing.T) {
	t.Parallel()
	const hook = `target "t" { 
  webhook { url = "https://a.example.com/" }
}
`
	for text, want := range map[string]string{
		`target "t" {}`: "One way for each target",
		`target "t" {
  webhook { url = "https://a.example.com/" }
  slack { url = "https://a.example.com/" }
}`: "One way for each target",
		hook + hook: "Duplicate target",
		`target "t" { 
  webhook {}
}`: "One address",
		`target "t" { 
  webhook { url = "http://a.example.com/" }
}`: "plain http is for this machine only",
		`target "t" { 
  webhook { url = "https://user:pass@a.example.com/" }
}`: "it has credentials in it",
		`target "t" { 
  webhook { url_secret = "nothing" }
}`: `Unknown secret "nothing"`,
		`target "t" { 
  slack {
    url     = "https://a.example.com/"
    ca_file = "ca.pem"
  }
}`: "Path is not absolute",
		`target "t" { 
  email {
    server = "smtp.example.com"
    from   = "a@example.com"
  }
}`: "Not a mail server",
		`target "t" { 
  email {
    server   = "smtp.example.com:25"
    security = "none"
    from     = "a@example.com"
  }
}`: "Mail in clear",
		`target "t" { 
  email {
    server   = "smtp.example.com:25"
    security = "ssl"
    from     = "a@example.com"
  }
}`: "Unknown security",
		`target "t" { 
  email {
    server   = "smtp.example.com:25"
    username = "u"
    from     = "a@example.com"
  }
}`: "Half a login",
		`target "t" { 
  email {
    server = "smtp.example.com:25"
    from   = "a@example.com\nBcc: b@example.com"
  }
}`: "Not a mail address",
		`target "t" { 
  webhook { url = "https://a.example.com/" }
  allow { channels = ["#a"] }
}`: "Not for this target",
		hook + `notify "n" {
  target = "tt"
  on     = ["failure"]
}`: `Did you mean "t"?`,
		hook + `notify "n" {
  target = "t"
  on     = ["failures"]
}`: `Did you mean "failure"?`,
		hook + `notify "n" {
  target = "t"
  on     = []
}`: "Nobody is ever told",
		hook + `notify "n" {
  target  = "t"
  on      = ["failure"]
  channel = "#a"
}`: "channel is for slack",
		`target "t" { 
  email {
    server = "smtp.example.com:587"
    from   = "a@example.com"
  }
}
notify "n" {
  target = "t"
  on     = ["failure"]
}`: "has no recipients of its own",
		`mark "m" {}`: "One way for each mark",
		`mark "m" {
  gitea {
    project      = "acme/models"
    token_secret = "forge"
  }
}`: "Where is the forge?",
		`mark "m" {
  github {
    project      = "acme/../models"
    token_secret = "forge"
  }
}`: "Not a project",
		`mark "m" {
  github {
    project      = "acme/models"
    token_secret = "dataset"
    url          = "http://git.example.com/"
  }
}`: "plain http is for this machine only",
		`run_url = "runs/{run}"`: "Not an address",
	} {
		_, diags := operator.Parse([]byte(messages+text), "runner.hcl")
		var said strings.Builder
		for _, d := range diags {
			said.WriteString(d.Summary + ": " + d.Detail + "\n")
		}
		if !diags.HasErrors() || !strings.Contains(said.String(), want) {
			t.Errorf("%s\nsays %q, not %q", text, said.String(), want)
		}
	}
}
