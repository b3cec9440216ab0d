package container

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/engine"
	"github.com/stagegate/stagegate/plugins/internal/owner"
)

// Labels of containers and volumes.
const (
	labelOwner   = "dev.stagegate.owner"
	labelAttempt = "dev.stagegate.attempt"
	labelRun     = "dev.stagegate.run"
	labelStage   = "dev.stagegate.stage"
)

// abandoned is how old something is that does not run, of whose owner nothing
// can be known, until it is taken for left behind.
const abandoned = 24 * time.Hour

// sweep removes what attempts have left whose plugin was killed. It never touches
// what belongs to a process that lives, or that cannot be judged from here. What
// cannot be removed is for the next time.
func sweep(ctx context.Context, e *engine.Engine, me owner.Owner, words io.Writer) error {
	containers, err := e.Containers(ctx, labelOwner)
	if err != nil {
		return err
	}
	for _, c := range containers {
		if left(c, me) && e.Remove(ctx, c.Name) == nil {
			fmt.Fprintf(words, "removed container %.12s, which %s has left behind\n", c.Name, whose(c))
		}
	}
	volumes, err := e.Volumes(ctx, labelOwner)
	if err != nil {
		return err
	}
	for _, v := range volumes {
		// The engine keeps what a container still has.
		if left(v, me) && e.RemoveVolume(ctx, v.Name) == nil {
			fmt.Fprintf(words, "removed volume %s, which %s has left behind\n", v.Name, whose(v))
		}
	}
	return nil
}

func whose(l engine.Labelled) string {
	return fmt.Sprintf("%s of run %s", l.Labels[labelStage], l.Labels[labelRun])
}

// left reports whether something has outlived its owner.
func left(l engine.Labelled, me owner.Owner) bool {
	theirs, ok := owner.Parse(l.Labels[labelOwner])
	if !ok {
		return false
	}
	switch me.LifeOf(theirs) {
	case owner.Dead:
		return true
	case owner.Rebooted:
		return !l.Running
	case owner.Unknown:
		return !l.Running && time.Since(l.Created) > abandoned
	case owner.Alive:
	}
	return false
}
