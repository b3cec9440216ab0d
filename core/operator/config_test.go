package operator_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/operator"
	"github.com/stagegate/stagegate/core/secret"
)

func TestParse(t *testing.T) {
	t.Parallel()
	c, diags := operator.Parse([]byte(`
home        = "/var/lib/stagegate"
parallelism = 8
plugin_path = ["/opt/plugins"]
pass_env    = ["GOPROXY"]
decision {
  lifetime       = "30m"
  policy_timeout = "10s"
}
cache {
  enabled = false
  results = 10
  unused  = "720h"
}
policy "compliance" {
  uses = "policy.opa"
  with { parameters = { a = 1 } }
}
secret "token" { env = "TOKEN" }
approvals {
  allowed_signers     = "/etc/stagegate/allowed_signers"
  allow_self_approval = true
  lifetime            = "8h"
  principals          = { jdoe = "john@example.com" }
}
fact "registry.hosts" {
  value = [{ host = "registry.example", tls = "1.2" }]
  by    = "platform team"
}
`), "runner.hcl")
	if len(diags) > 0 {
		t.Fatalf("got %+v", diags)
	}
	if c.Home != "/var/lib/stagegate" || c.Parallelism != 8 || c.DecisionLifetime != 30*time.Minute || c.PolicyTimeout != 10*time.Second ||
		len(c.Policies) != 1 || c.Policies[0].Uses != "policy.opa" || c.Secrets["token"].Env != "TOKEN" {
		t.Errorf("got %+v", c)
	}
	if want := (operator.Cache{Off: true, Results: 10, Age: 720 * time.Hour}); c.Cache != want {
		t.Errorf("cache %+v, want %+v", c.Cache, want)
	}
	wantApprovals := operator.Approvals{
		AllowedSigners: "/etc/stagegate/allowed_signers", AllowSelf: true, Lifetime: 8 * time.Hour,
		Principals: map[string]string{"jdoe": "john@example.com"},
	}
	if diff := cmp.Diff(wantApprovals, c.Approvals); diff != "" {
		t.Errorf("approvals (-want +got):\n%s", diff)
	}
	want := operator.Fact{Name: "registry.hosts", Value: json.RawMessage(`[{"host":"registry.example","tls":"1.2"}]`), By: "platform team"}
	if diff := cmp.Diff([]operator.Fact{want}, c.Facts); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`home = "state"`:                                "not absolute",
		`parallelism = 0`:                               "out of range",
		`plugin_path = ["plugins"]`:                     "not absolute",
		`pass_env = ["A=B"]`:                            "Not the name",
		`cache { results = 0 }`:                         "Number of cached results out of range",
		`cache { unused = "1s" }`:                       "Age of cached results out of range",
		`cache { unused = "soon" }`:                     "Age of cached results out of range",
		`cache { size = 1 }`:                            "Unsupported argument",
		`decision { lifetime = "1s" }`:                  "out of range",
		`decision { policy_timeout = "1ms" }`:           "Time of policies out of range",
		`module_sources = ["http://host"]`:              "Not the beginning",
		`secret "a" {}`:                                 "One source",
		`secret "a" { file = "b" }`:                     "not absolute",
		"secret \"a\" {\nenv = \"A\"\nfile = \"/b\"\n}": "One source",
		"secret \"a\" {\nenv = \"A\"\nage {\nfile = \"/a\"\nidentity_file = \"/b\"\n}\n}": "One source",
		`approvals { allowed_signers = "signers" }`:                                       "not absolute",
		"approvals {\nallowed_signers = \"/a\"\nlifetime = \"1s\"\n}":                     "Lifetime of approvals",
		`approvals {}`:                "Missing required argument",
		`secret "a" { command = [] }`: "without a program",
		"secret \"a\" {\ncommand = [\"x\"]\ntimeout = \"11m\"\n}":                           "out of range",
		"secret \"a\" {\ncommand = [\"x\"]\npass_env = [\"A=B\"]\n}":                        "Not the name",
		"secret \"a\" {\nenv = \"A\"\ntimeout = \"1s\"\n}":                                  "Only for a command",
		"secret \"a\" {\nage {\nfile = \"a\"\nidentity_file = \"/b\"\n}\n}":                 "not absolute",
		"secret \"a\" {\nage {\nfile = \"/a\"\n}\n}":                                        "Missing required argument",
		"secret \"a\" {\nsops {\nfile = \"/a\"\nkey = [\"b\"]\nidentity_file = \"b\"\n}\n}": "not absolute",
		"secret \"a\" { env = \"A\" }\nsecret \"a\" { env = \"B\" }":                        "Duplicate secret",
		"secret \"a\" {\nenv = \"A\"\nallow {}\n}":                                          "Scope without a limit",
		"secret \"a\" {\nenv = \"A\"\nallow { refs = [\"main\"] }\n}":                       "Not a whole ref",
		"secret \"a\" {\nenv = \"A\"\nallow { repositories = [\"models.git\"] }\n}":         "not absolute",
		"secret \"a\" {\nenv = \"A\"\nallow { pipelines = [\"p\"] }\n}":                     "Unsupported argument",
		`policys "a" { uses = "policy.opa" }`:                                               "Unsupported block",
		"fact \"a\" {\nvalue = 1\nby = \"\"\n}":                                             "Nobody answers",
		"fact \"a\" {\nvalue = null\nby = \"me\"\n}":                                        "without a value",
		"fact \"a\" {\nvalue = var.x\nby = \"me\"\n}":                                       "Unknown variable",
		"fact \"a\" {\nvalue = 1\nby = \"x\"\n}\nfact \"a\" {\nvalue = 2\nby = \"x\"\n}":    "Duplicate fact",
		"policy \"a\" { uses = \"x\" }\npolicy \"a\" { uses = \"x\" }":                      "Duplicate policy",
	} {
		_, diags := operator.Parse([]byte(src), "runner.hcl")
		if len(diags) != 1 || !strings.Contains(diags[0].Summary, want) {
			t.Errorf("%s: got %+v, want %q", src, diags, want)
		}
	}
}

// A secret is for the pushes of its scope alone, and one without a scope for all.
func TestScopes(t *testing.T) {
	t.Parallel()
	c, diags := operator.Parse([]byte(`
secret "open" { env = "A" }
secret "release" {
  env = "B"
  allow {
    repositories = ["/srv/git/models/*", "/srv/git/one.git"]
    refs         = ["refs/heads/main", "refs/heads/release/*"]
  }
}
secret "anywhere" {
  env = "C"
  allow { refs = ["refs/heads/main"] }
}
`), "runner.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, tt := range []struct{ secret, repository, ref, why string }{
		{"open", "/srv/git/any.git", "refs/heads/topic", ""},
		{"release", "/srv/git/models/a.git", "refs/heads/main", ""},
		{"release", "/srv/git/one.git", "refs/heads/release/1.2", ""},
		{"release", "/srv/git/one.git.evil", "refs/heads/main", "no push to /srv/git/one.git.evil gets it"},
		{"release", "/tmp/srv/git/one.git", "refs/heads/main", "no push to /tmp/srv/git/one.git gets it"},
		{"release", "/srv/git/one.git", "refs/heads/mainly", "no push to refs/heads/mainly gets it"},
		{"release", "/srv/git/one.git", "refs/heads/refs/heads/main", "no push to refs/heads/refs/heads/main gets it"},
		{"release", "/srv/git/one.git", "", "no push to  gets it"},
		{"anywhere", "/srv/git/any.git", "refs/heads/main", ""},
	} {
		if why := c.Withholds(tt.secret, operator.Push{Repository: tt.repository, Ref: tt.ref}); why != tt.why {
			t.Errorf("%s, %s of %s: %q, want %q", tt.secret, tt.ref, tt.repository, why, tt.why)
		}
	}
}

func TestParseSecrets(t *testing.T) {
	t.Parallel()
	c, diags := operator.Parse([]byte(`
secret "command" {
  command  = ["vault", "kv", "get"]
  pass_env = ["VAULT_ADDR"]
  timeout  = "5s"
}
secret "age" {
  age {
    file          = "/a"
    identity_file = "/k"
  }
}
secret "sops" {
  sops {
    file          = "/s"
    key           = ["a", "0"]
    identity_file = "/k"
  }
}
`), "runner.hcl")
	if len(diags) > 0 {
		t.Fatalf("got %+v", diags)
	}
	want := map[string]secret.Source{
		"command": {Command: &secret.Command{Args: []string{"vault", "kv", "get"}, PassEnv: []string{"VAULT_ADDR"}, Timeout: 5 * time.Second}},
		"age":     {Age: &secret.Age{File: "/a", IdentityFile: "/k"}},
		"sops":    {Sops: &secret.Sops{File: "/s", Key: []string{"a", "0"}, IdentityFile: "/k"}},
	}
	if diff := cmp.Diff(want, c.Secrets); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFindPrefersTheNamedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "mine.hcl")
	if err := os.WriteFile(path, []byte("parallelism = 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) string { return map[string]string{"RUNNER_CONFIG": path, "HOME": dir}[name] }
	c, diags, err := operator.Find(env)
	if err != nil || len(diags) > 0 || c.Parallelism != 3 {
		t.Errorf("got %+v, %v, %v", c, diags, err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := operator.Find(env); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("a file that others can write counts: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := operator.Find(env); err == nil {
		t.Error("a named file that is missing passes for none")
	}
}

func TestHomeDir(t *testing.T) {
	t.Parallel()
	for want, vars := range map[string]map[string]string{
		"/a":                        {"RUNNER_HOME": "/a", "HOME": "/h", "XDG_STATE_HOME": "/x"},
		"/x/stagegate":              {"XDG_STATE_HOME": "/x", "HOME": "/h"},
		"/h/.local/state/stagegate": {"HOME": "/h"},
	} {
		c := &operator.Config{}
		if got, err := c.HomeDir(func(n string) string { return vars[n] }); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := (&operator.Config{}).HomeDir(func(string) string { return "" }); err == nil {
		t.Error("a state folder out of nowhere")
	}
}
