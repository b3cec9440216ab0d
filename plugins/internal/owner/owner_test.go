package owner

import (
	"os"
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
	parent.start = "1"
	if got := me.LifeOf(parent); got != Dead {
		t.Errorf("who had my parent's number before is %v", got)
	}
}
