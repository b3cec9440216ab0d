package kubernetes

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stagegate/stagegate/plugins/deploy/capacity"
	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/sdk"
)

// way is how pods are to be replaced, and what is said of it.
type way struct {
	rolling manifest.Rolling
	notes   []string
	found   sdk.Diagnostics
}

// choose takes what the configuration says, or else what there is room for.
func (v survey) choose(r manifest.Release, c sdk.Config) way {
	w := way{rolling: r.Rolling, notes: v.notes}
	if v.unknown != "" {
		w.notes = append(w.notes, "nothing is proven of the room there is: "+v.unknown)
		return w
	}
	w.notes = append(w.notes, v.ground.Arithmetic()...)
	if at, summary, detail := v.impossible(c); summary != "" {
		w.refuse(c, at, summary, detail)
		return w
	}
	at, set := bounded(c)
	switch {
	case r.Recreate:
		w.judge(c, at, "all pods end before the new ones start, and nothing serves meanwhile", v.ground.After(), "there is no room for the release even when the one before is gone")
	case set:
		b := capacity.BoundsOf(r.Rolling.MaxSurge, r.Rolling.MaxUnavailable, int(r.Replicas))
		otherwise := "the update would stand still with " + rollingWords(r.Rolling)
		if !v.ground.Replaces() {
			otherwise = fmt.Sprintf("there is no room for %s", count(int(r.Replicas), "pod"))
		}
		w.judge(c, at, rollingWords(r.Rolling), v.ground.Rolling(b), otherwise)
	default:
		v.pick(&w, r, c)
	}
	return w
}

// pick chooses between adding a pod before one goes, and the other way round.
func (v survey) pick(w *way, r manifest.Release, c sdk.Config) {
	at, n := sdk.At(sdk.Attr("replicas")), int(r.Replicas)
	surging := manifest.Rolling{MaxSurge: defaultSurge, MaxUnavailable: defaultUnavailable}
	inPlace := manifest.Rolling{MaxSurge: "0", MaxUnavailable: "1"}
	surge := v.ground.Rolling(capacity.BoundsOf(surging.MaxSurge, surging.MaxUnavailable, n))
	if !v.ground.Replaces() {
		// Bounds that nothing is replaced by stay: the plan is the same then
		// however often it is made.
		if live := v.bounds(r); live != nil {
			w.rolling = *live
		}
		w.judge(c, at, "nothing to replace", surge, fmt.Sprintf("there is no room for %s", count(n, "pod")))
		return
	}
	if surge.Fits {
		w.notes = append(w.notes, "chosen: "+rollingWords(surging)+", as there is room for a pod more")
		return
	}
	after := v.ground.Rolling(capacity.BoundsOf(inPlace.MaxSurge, inPlace.MaxUnavailable, n))
	switch {
	case after.Fits && n > 1:
		w.rolling = inPlace
		w.notes = append(w.notes, fmt.Sprintf("chosen: %s, each pod in the place of one before; with %s %s", rollingWords(inPlace), rollingWords(surging), surge.Why))
	case after.Fits:
		w.refuse(c, at, "the one pod can only be replaced with downtime",
			fmt.Sprintf("With %s %s. Free room for one pod, or accept that nothing serves meanwhile: strategy \"recreate\" { allow_downtime = true }. %s", rollingWords(surging), surge.Why, v.waits()))
	default:
		w.refuse(c, at, "there is no room for the release",
			fmt.Sprintf("With %s %s; with %s %s. %s", rollingWords(surging), surge.Why, rollingWords(inPlace), after.Why, v.waits()))
	}
}

// bounds are those of the Deployment that is there, nil when it is not ours or
// has none.
func (v survey) bounds(r manifest.Release) *manifest.Rolling {
	if v.live == nil || !manifest.Owns(v.live, r.Name) {
		return nil
	}
	word := func(name string) string {
		switch n := v.live.At("spec", "strategy", "rollingUpdate", name).(type) {
		case string:
			return n
		case int64:
			return strconv.FormatInt(n, 10)
		}
		return ""
	}
	out := manifest.Rolling{MaxSurge: word("maxSurge"), MaxUnavailable: word("maxUnavailable")}
	if out.MaxSurge == "" || out.MaxUnavailable == "" {
		return nil
	}
	return &out
}

func (v survey) waits() string {
	if v.ground.Waits() {
		return "Pods that are ending still hold some: it may fit when they are gone."
	}
	return ""
}

func (w *way) judge(c sdk.Config, at sdk.Path, what string, a capacity.Answer, otherwise string) {
	if a.Fits {
		w.notes = append(w.notes, "it fits: "+what)
		return
	}
	w.refuse(c, at, otherwise, strings.ToUpper(a.Why[:1])+a.Why[1:]+".")
}

// refuse is an error, unless the configuration says that nodes are added when
// pods wait for them.
func (w *way) refuse(c sdk.Config, at sdk.Path, summary, detail string) {
	detail = strings.TrimSpace(detail)
	if c.String("capacity_check") == checkWarn {
		w.found.AddWarning(at, summary, detail+" As capacity_check is \"warn\", it is tried all the same.")
		return
	}
	text := detail + " Where nodes are added on demand, set capacity_check = \"warn\"."
	if len(w.notes) > 0 {
		text += "\n" + strings.Join(w.notes, "\n")
	}
	w.found.AddError(at, summary, text)
}

// bounded is where the configuration decides how pods are replaced, and whether
// it does.
func bounded(c sdk.Config) (sdk.Path, bool) {
	for _, name := range []string{rollingStrategy, recreateStrategy} {
		b, ok := c.LabelledBlocks("strategy")[name]
		if !ok {
			continue
		}
		at := sdk.At(sdk.Attr("strategy"), sdk.Key(name))
		for _, attr := range []string{"max_surge", "max_unavailable"} {
			if b.Set(attr) {
				return append(at, sdk.Attr(attr)), true
			}
		}
		return at, false
	}
	return nil, false
}

func rollingWords(r manifest.Rolling) string {
	return fmt.Sprintf("max_surge = %s and max_unavailable = %s", r.MaxSurge, r.MaxUnavailable)
}
