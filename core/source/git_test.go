package source_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/source"
)

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(source.Environment(os.Environ()),
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org",
		"GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReadFollowsTheRepository(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	write(t, filepath.Join(dir, "a"), "1")
	git(t, dir, "add", "a")
	git(t, dir, "commit", "-qm", "one")
	git(t, dir, "tag", "v1")
	git(t, dir, "remote", "add", "origin", "https://user:token@example.org/models.git")
	want := source.Facts{
		Commit: git(t, dir, "rev-parse", "HEAD"), Ref: "refs/heads/main", Branch: "main", Tag: "v1",
		Clean: true, Repository: "https://example.org/models.git",
	}
	if got, err := source.Read(t.Context(), dir); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}

	write(t, filepath.Join(dir, "b"), "new")
	want.Clean = false
	if got, err := source.Read(t.Context(), dir); err != nil || got != want {
		t.Errorf("an untracked file: got %+v, %v, want %+v", got, err, want)
	}

	git(t, dir, "checkout", "-q", "--detach")
	want.Ref, want.Branch = "", ""
	if got, err := source.Read(t.Context(), dir); err != nil || got != want {
		t.Errorf("detached: got %+v, %v, want %+v", got, err, want)
	}
}

func TestReadOutsideARepositoryIsEmpty(t *testing.T) {
	t.Parallel()
	if got, err := source.Read(t.Context(), t.TempDir()); err != nil || got != (source.Facts{}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReadBeforeTheFirstCommit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	want := source.Facts{Ref: "refs/heads/main", Branch: "main", Clean: true}
	if got, err := source.Read(t.Context(), dir); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A repository can name a program that git starts on status.
func TestReadStartsNothingThatTheTreeNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	canary := filepath.Join(dir, "canary")
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "config", "core.fsmonitor", "touch "+canary)
	if _, err := source.Read(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(canary); err == nil {
		t.Error("git started the program that the repository names")
	}
}

func TestReadReportsABrokenRepository(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".git"), "gitdir: nowhere\n")
	if _, err := source.Read(t.Context(), dir); err == nil {
		t.Error("a broken repository passes for none")
	}
}
