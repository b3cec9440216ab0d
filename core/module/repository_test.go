package module_test

import (
	"encoding/pem"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/module"
)

// repository is a real one, with a work tree.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) repository {
	t.Helper()
	r := repository{t, filepath.Join(t.TempDir(), "repo.git")}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r.git("init", "--quiet", "--template=", "--initial-branch=main")
	return r
}

func (r repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// write changes files, and commit makes a commit of them.
func (r repository) write(files map[string]string) {
	r.t.Helper()
	for name, content := range files {
		path := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r repository) commit(files map[string]string) string {
	r.t.Helper()
	r.write(files)
	r.git("add", "--all", "--force")
	r.git("commit", "--quiet", "--message=x")
	return r.git("rev-parse", "HEAD")
}

// source is a source of the repository.
func (r repository) source(rest string) module.Source {
	r.t.Helper()
	s, err := module.Parse("git::file://" + r.dir + rest)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// store is one that may read this machine's repositories.
func newStore(t *testing.T, change ...func(*module.Options)) *module.Store {
	t.Helper()
	o := module.Options{
		Folder: filepath.Join(t.TempDir(), "modules"), Allowed: module.Allowed{"file://" + os.TempDir()}, LookupEnv: os.LookupEnv,
	}
	for _, c := range change {
		c(&o)
	}
	return module.NewStore(o)
}

// overHTTPS serves a repository as git's own server does, and gives the
// address and what git needs to trust it.
func overHTTPS(t *testing.T, r repository) (address string, env func(string) (string, bool)) {
	t.Helper()
	program := filepath.Join(r.git("--exec-path"), "git-http-backend")
	server := httptest.NewTLSServer(&cgi.Handler{
		Path: program, Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(r.dir), "GIT_HTTP_EXPORT_ALL=1"},
		InheritEnv: []string{"PATH"},
		Stderr:     t.Output(),
	})
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL + "/repo.git", func(name string) (string, bool) {
		if name == "GIT_SSL_CAINFO" {
			return authority, true
		}
		return os.LookupEnv(name)
	}
}
