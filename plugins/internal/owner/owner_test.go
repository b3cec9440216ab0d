package owner

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// Another process of this machine that lives is known to.
func TestLife(t *testing.T) {
	t.Parallel()
	me, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	if got := me.LifeOf(me); got != Alive {
		t.Errorf("I am %v", got)
	}
	parent := me
	parent.pid = strconv.Itoa(os.Getppid())
	if parent.start, err = startOf(parent.pid); err != nil {
		t.Fatal(err)
	}
	if again, ok := Parse(parent.String()); !ok || again != parent || me.LifeOf(again) != Alive {
		t.Errorf("my parent is %v", me.LifeOf(again))
	}
	corpse := exec.CommandContext(t.Context(), "true")
	if err := corpse.Start(); err != nil {
		t.Fatal(err)
	}
	theirs := parent
	theirs.pid = strconv.Itoa(corpse.Process.Pid)
	theirs.start = "1"
	if start, err := startOf(theirs.pid); err == nil {
		theirs.start = start
	}
	for me.LifeOf(theirs) == Alive && t.Context().Err() == nil {
		continue // it ends at its own pace, and nobody waits for it
	}
	if got := me.LifeOf(theirs); got != Dead {
		t.Errorf("who has ended and was not waited for is %v", got)
	}
	if err := corpse.Wait(); err != nil {
		t.Error(err)
	}
	parent.start = "1"
	if got := me.LifeOf(parent); got != Dead {
		t.Errorf("who had my parent's number before is %v", got)
	}
}
