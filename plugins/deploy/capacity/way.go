package capacity

import (
	"fmt"
	"strconv"
	"strings"
)

// Bounds of a rolling update, in pods.
type Bounds struct{ Surge, Unavailable int }

// BoundsOf reads what a Deployment says: numbers, or percentages of the
// replicas; of these, Kubernetes rounds the surge up and the other down.
func BoundsOf(surge, unavailable string, replicas int) Bounds {
	b := Bounds{portion(surge, replicas, true), portion(unavailable, replicas, false)}
	if b.Surge == 0 && b.Unavailable == 0 {
		b.Unavailable = 1 // as Kubernetes does, rather than stand still
	}
	return b
}

func portion(text string, of int, up bool) int {
	number, percent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return 0
	case !percent:
		return n
	case up:
		return (n*of + 99) / 100
	}
	return n * of / 100
}

// Answer says whether a way of releasing is sure to come to its end.
type Answer struct {
	Fits bool
	// Why says what stops it, in numbers; empty when it fits.
	Why string
}

func no(format string, args ...any) Answer { return Answer{Why: fmt.Sprintf(format, args...)} }

// Beside asks whether all pods fit while every old one stays: a first release,
// or a new colour beside the old one.
func (g *Ground) Beside() Answer {
	return g.whole(int64(g.need.Replicas-g.placed), int64(g.need.Replicas-g.made), 0)
}

// After asks whether all pods fit once every old one is gone.
func (g *Ground) After() Answer {
	return g.whole(int64(g.need.Replicas-g.placed), int64(g.need.Replicas-g.made), int64(len(g.old)))
}

func (g *Ground) whole(unplaced, unmade, gone int64) Answer {
	when := "now"
	if gone > 0 {
		when = "once the old pods are gone"
	}
	if seats := g.seats(gone > 0); unplaced > seats {
		return no("%s a node, and %s there %s", more(unplaced, "pod needs", "pods need"), one(seats, "there is 1 seat", "there are %d seats"), when)
	}
	for _, h := range g.limits {
		if seats := h.seats(gone); unmade > seats {
			return no("%s to be made, and the quota lets in %d %s (%s)", more(unmade, "pod has", "pods have"), seats, when, h)
		}
	}
	return Answer{Fits: true}
}

// Rolling asks whether a rolling update comes to its end, whichever pods
// Kubernetes ends first and wherever it puts the new ones. When placed pods of
// the release are there, as many old ones are gone as the bounds let go; there
// has to be a seat for the next then, at each step.
func (g *Ground) Rolling(b Bounds) Answer {
	if len(g.old) == 0 {
		return g.Beside()
	}
	for placed := g.placed; placed < g.need.Replicas; placed++ {
		gone := g.bound - min(g.bound, max(g.need.Replicas-b.Unavailable-placed, 0))
		if g.worst[gone] < int64(placed-g.placed)+1 {
			return g.stuck(placed, gone)
		}
	}
	if a := g.charged(b); !a.Fits {
		return a
	}
	if len(g.need.spread) > 0 {
		if g.placed < g.need.Replicas && b.Unavailable == 0 && g.seats(false) == 0 {
			return no("the topology spread lets no pod in while the old ones are there")
		}
		return g.After()
	}
	return Answer{Fits: true}
}

// charged asks whether quotas let in all that the update makes, each time that
// it may make more. A refusal would heal when the next old pod is gone; until
// then nobody could tell it from one that does not.
func (g *Ground) charged(b Bounds) Answer {
	for gone := 0; gone <= len(g.old); gone++ {
		made := min(g.need.Replicas, g.need.Replicas+b.Surge-(len(g.old)-gone))
		for _, h := range g.limits {
			if seats := h.seats(int64(gone)); seats < int64(made-g.made) {
				return no("pod %d of %d would be refused when %s (%s)", g.made+int(seats)+1, g.need.Replicas, gonePods(gone), h)
			}
		}
	}
	return Answer{Fits: true}
}

// stuck says at which step it would stand still.
func (g *Ground) stuck(placed, gone int) Answer {
	why := fmt.Sprintf("pod %d of %d finds no seat when %s", placed+1, g.need.Replicas, gonePods(gone))
	if gone > 0 && gone < g.bound && g.sumOfBest(gone) > int64(placed-g.placed) {
		why += ", unless the right ones went: that is for Kubernetes to choose"
	}
	return Answer{Why: why}
}

// sumOfBest is a bound from above on the seats that gone old pods can free.
func (g *Ground) sumOfBest(gone int) int64 {
	var sum int64
	for _, s := range g.sites {
		sum += s.cap[min(gone, len(s.cap)-1)]
	}
	return sum
}

func gonePods(n int) string {
	switch n {
	case 0:
		return "all old pods are still there"
	case 1:
		return "1 old pod is gone"
	}
	return fmt.Sprintf("%d old pods are gone", n)
}

func more(n int64, single, plural string) string { return one(n, "1 more "+single, "%d more "+plural) }

func one(n int64, single, plural string) string {
	if n == 1 {
		return single
	}
	return fmt.Sprintf(plural, n)
}
