package trigger_test

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stagegate/stagegate/core/trigger"
)

func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=T", "-c", "user.email=t@example.org"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// noted is a repository with one commit.
func noted(t *testing.T) (dir, commit string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir = t.TempDir()
	gitIn(t, dir, "init", "-q")
	gitIn(t, dir, "commit", "-q", "--allow-empty", "-m", "first")
	return dir, gitIn(t, dir, "rev-parse", "HEAD")
}

// Many runs of one commit end at the same time: no line is lost, and none is
// there twice although each is written twice.
func TestNotesOfManyWriters(t *testing.T) {
	t.Parallel()
	dir, commit := noted(t)
	const writers = 8
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			for range 2 {
				if err := trigger.AddNote(t.Context(), dir, commit, fmt.Sprintf(`{"run":"r%d"}`, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	text := gitIn(t, dir, "notes", "--ref="+trigger.NotesRef, "show", commit)
	for i := range writers {
		if n := strings.Count(text, fmt.Sprintf(`{"run":"r%d"}`, i)); n != 1 {
			t.Errorf("the line of writer %d is there %d times:\n%s", i, n, text)
		}
	}
	if refs := gitIn(t, dir, "for-each-ref", "--format=%(refname)", "refs/notes"); refs != trigger.NotesRef {
		t.Errorf("refs are left behind: %s", refs)
	}
}

func TestNotesAreRefused(t *testing.T) {
	t.Parallel()
	dir, commit := noted(t)
	for _, bad := range [][2]string{
		{"HEAD", "a"}, {"--all", "a"}, {commit, ""}, {commit, "a\nb"}, {strings.Repeat("0", 40), "a"},
	} {
		if err := trigger.AddNote(t.Context(), dir, bad[0], bad[1]); err == nil {
			t.Errorf("a note %q on %q is taken", bad[1], bad[0])
		}
	}
	if refs := gitIn(t, dir, "for-each-ref", "refs/notes"); refs != "" {
		t.Errorf("refs are left behind: %s", refs)
	}
}
