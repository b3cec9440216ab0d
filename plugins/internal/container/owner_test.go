package container

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/engine"
)

// Nothing is taken for left behind that could belong to somebody who lives.
func TestLeft(t *testing.T) {
	t.Parallel()
	me, err := self()
	if err != nil {
		t.Fatal(err)
	}
	me.machine = "this"
	gone := exec.CommandContext(t.Context(), "true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	change := func(f func(*owner)) owner { o := me; f(&o); return o }
	old := time.Now().Add(-48 * time.Hour)
	for name, tc := range map[string]struct {
		owner   owner
		running bool
		created time.Time
		want    bool
	}{
		"mine":                       {me, true, old, false},
		"mine, ended":                {me, false, old, false},
		"my parent's":                {change(func(o *owner) { o.pid = strconv.Itoa(os.Getppid()); o.start, _ = startOf(o.pid) }), true, old, false},
		"a dead one's":               {change(func(o *owner) { o.pid = strconv.Itoa(gone.Process.Pid) }), true, time.Now(), true},
		"number used again":          {change(func(o *owner) { o.start = "1" }), true, time.Now(), true},
		"before the boot":            {change(func(o *owner) { o.boot = "b" }), false, time.Now(), true},
		"before the boot, running":   {change(func(o *owner) { o.boot = "b" }), true, old, false},
		"another machine's":          {change(func(o *owner) { o.boot, o.machine = "b", "m" }), false, time.Now(), false},
		"another machine's, old":     {change(func(o *owner) { o.boot, o.machine = "b", "m" }), false, old, true},
		"another machine's, runs":    {change(func(o *owner) { o.boot, o.machine = "b", "m" }), true, old, false},
		"another space's":            {change(func(o *owner) { o.space = "1" }), false, time.Now(), false},
		"another space's, running":   {change(func(o *owner) { o.space = "1" }), true, old, false},
		"a machine without a name's": {change(func(o *owner) { o.boot, o.machine = "b", "" }), false, time.Now(), false},
	} {
		l := engine.Labelled{Labels: map[string]string{labelOwner: tc.owner.String()}, Running: tc.running, Created: tc.created}
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
