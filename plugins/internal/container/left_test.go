package container

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/engine"
	"github.com/stagegate/stagegate/plugins/internal/owner"
)

// Nothing is taken for left behind that could belong to somebody who lives.
func TestLeft(t *testing.T) {
	t.Parallel()
	self, err := owner.Self()
	if err != nil {
		t.Fatal(err)
	}
	// machine, boot, space of process numbers, number, start
	const machine, boot, space, pid, start = 0, 1, 2, 3, 4
	parts := strings.Split(self.String(), "/")
	parts[machine] = "this"
	me, _ := owner.Parse(strings.Join(parts, "/"))
	gone := exec.CommandContext(t.Context(), "true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	change := func(at int, to string) string {
		changed := slices.Clone(parts)
		changed[at] = to
		return strings.Join(changed, "/")
	}
	ours := me.String()
	old := time.Now().Add(-48 * time.Hour)
	for name, tc := range map[string]struct {
		owner   string
		running bool
		created time.Time
		want    bool
	}{
		"mine":                       {ours, true, old, false},
		"mine, ended":                {ours, false, old, false},
		"a dead one's":               {change(pid, strconv.Itoa(gone.Process.Pid)), true, time.Now(), true},
		"number used again":          {change(start, "1"), true, time.Now(), true},
		"before the boot":            {change(boot, "b"), false, time.Now(), true},
		"before the boot, running":   {change(boot, "b"), true, old, false},
		"another machine's":          {"m/b/1/1/1", false, time.Now(), false},
		"another machine's, old":     {"m/b/1/1/1", false, old, true},
		"another machine's, runs":    {"m/b/1/1/1", true, old, false},
		"another space's":            {change(space, "1"), false, time.Now(), false},
		"another space's, running":   {change(space, "1"), true, old, false},
		"a machine without a name's": {"/b/1/1/1", false, time.Now(), false},
	} {
		l := engine.Labelled{Labels: map[string]string{labelOwner: tc.owner}, Running: tc.running, Created: tc.created}
		if got := left(l, me); got != tc.want {
			t.Errorf("%s: left is %t", name, got)
		}
	}
	for _, label := range []string{"", "a/b/c", "a/b/c/d/e/f"} {
		if left(engine.Labelled{Labels: map[string]string{labelOwner: label}, Created: old}, me) {
			t.Errorf("%q is taken for an owner", label)
		}
	}
}
