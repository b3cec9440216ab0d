package module_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/module"
)

func TestParse(t *testing.T) {
	t.Parallel()
	commit := strings.Repeat("a1", 20)
	for text, want := range map[string]module.Source{
		"git::https://host.example/repo.git":                                   {Repository: "https://host.example/repo.git"},
		"git::https://Host.Example:8443/a/b.git//modules/serve?ref=v1.2":       {Repository: "https://host.example:8443/a/b.git", Folder: "modules/serve", Ref: "v1.2"},
		"git::https://host.example/my%20project/_git/x//sub/?ref=refs/tags/v1": {Repository: "https://host.example/my%20project/_git/x", Folder: "sub", Ref: "refs/tags/v1"},
		"git::ssh://git@host.example/repo.git?ref=feature/x":                   {Repository: "ssh://git@host.example/repo.git", Ref: "feature/x"},
		"git::ssh://[::1]:2222/repo.git":                                       {Repository: "ssh://[::1]:2222/repo.git"},
		"git::file:///srv/git/repo.git//x?ref=" + commit:                       {Repository: "file:///srv/git/repo.git", Folder: "x", Ref: commit},
	} {
		got, err := module.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		again, err := module.Parse(got.String())
		if err != nil || again != got {
			t.Errorf("%s: its one form %s is %+v, %v", text, got, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://host/repo.git":                          "git::",
		"git::git@host:repo.git":                         "git::ssh://git@host/path",
		"git::http://host/repo.git":                      "https, ssh or file",
		"git::ext::sh -c id":                             "no address",
		"git::ext::id":                                   "no scheme",
		"git::git://host/repo":                           "https, ssh or file",
		"git::https://user:canary@host/repo.git":         "credential helper",
		"git::https://canary@host/repo.git":              "credential helper",
		"git::ssh://git:canary@host/repo.git":            "password",
		"git::ssh://-oProxyCommand=id/repo.git":          "host",
		"git::ssh://-x@host/repo.git":                    "user",
		"git::https:///repo.git":                         "host",
		"git::https://host":                              "names no repository",
		"git::https://host/":                             "names no repository",
		"git::https://host//folder":                      `part ""`,
		"git::https://host/a/../b":                       `part ".."`,
		"git::https://host/a/%2e%2e/b":                   `part ".."`,
		"git::https://host/a%00b":                        "path",
		"git::https://host/%zz/canary":                   "not an address",
		"git::file://host/repo":                          "file:///path",
		"git::file://repo":                               "file:///path",
		"git::https://host/repo//../x":                   "not a path within",
		"git::https://host/repo//a/../../x":              "not a path within",
		"git::https://host/repo//.git/hooks":             "not a path within",
		"git::https://host/repo//a//b":                   "twice",
		"git::https://host/repo//a:b":                    "not a path within",
		"git::https://host/repo//%2e%2e/x":               "not a path within",
		"git::https://host/repo?ref=":                    "empty",
		"git::https://host/repo?":                        "no ref",
		"git::https://host/repo?ref=--upload-pack=id":    "dash",
		"git::https://host/repo?ref=a..b":                "refused",
		"git::https://host/repo?ref=a~1":                 "refused",
		"git::https://host/repo?ref=a@%7B1}":             "no address",
		"git::https://host/repo?ref=a%0Ab":               "refused",
		"git::https://host/repo?ref=a&ref=b":             "twice",
		"git::https://host/repo?ref=a&depth=1":           `"depth"`,
		"git::https://host/repo?sshkey=canary":           "only ref",
		"git::https://host/repo#x":                       "#",
		"git::https://host/repo\n":                       "no address",
		"git::https://h\u00f6st/repo":                    "no address",
		"git::https://host/" + strings.Repeat("x", 2000): "longer",
	} {
		got, err := module.Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v, want %q", text, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error shows what may be a password: %v", text, err)
		}
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		allowed string
		source  string
		ok      bool
	}{
		{"", "git::https://host/repo", true},
		{"", "git::ssh://git@host/repo", true},
		{"", "git::file:///srv/repo", false},
		{"https://host/acme", "git::https://host/acme/repo", true},
		{"https://host/acme/", "git::https://host/acme/repo", true},
		{"https://host/acme/repo.git", "git::https://host/acme/repo.git//x", true},
		{"https://host/acme", "git::https://host/acme-evil/repo", false},
		{"https://host", "git::https://host.evil/repo", false},
		{"https://host", "git::ssh://host/repo", false},
		{"file:///srv/git", "git::file:///srv/git/repo", true},
		{"file:///srv/git", "git::file:///srv/other", false},
	} {
		var allowed module.Allowed
		if tt.allowed != "" {
			allowed = module.Allowed{tt.allowed}
		}
		source, err := module.Parse(tt.source)
		if err != nil {
			t.Fatal(err)
		}
		if err := allowed.Check(source); (err == nil) != tt.ok {
			t.Errorf("%q allows %s: %v", tt.allowed, tt.source, err)
		}
	}
	for prefix, ok := range map[string]bool{
		"https://host": true, "https://host/": true, "https://host/acme": true, "ssh://git@host": true, "file:///srv": true,
		"": false, "https://": false, "http://host": false, "host": false, "file:///": false, "https://u:p@host": false, "https://host/../x": false,
	} {
		if err := module.CheckPrefix(prefix); (err == nil) != ok {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}

// FuzzParse checks that what passes has one form, that leads nowhere else.
func FuzzParse(f *testing.F) {
	f.Add("git::https://host/repo.git//a/b?ref=v1")
	f.Add("git::ssh://git@host:22/repo?ref=refs/heads/x")
	f.Add("git::file:///a//b")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := module.Parse(text)
		if err != nil {
			return
		}
		again, err := module.Parse(got.String())
		if err != nil || again != got {
			t.Errorf("%q: %+v is %+v, %v", text, got, again, err)
		}
		for _, part := range []string{got.Repository, got.Folder, got.Ref} {
			if strings.HasPrefix(part, "-") || strings.ContainsAny(part, "\x00\n \\") || strings.Contains(part, "..") && part != got.Repository {
				t.Errorf("%q passes as %+v", text, got)
			}
		}
	})
}
