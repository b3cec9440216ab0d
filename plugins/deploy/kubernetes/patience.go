package kubernetes

import (
	"fmt"
	"slices"
	"time"

	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// clock is an argument of the block patience, and the class of what it bounds.
type clock struct {
	name  string
	class rollout.Class
	what  string
}

func clocks() []clock {
	return []clock{
		{"queue", rollout.Queued, "a queue, or another scheduling gate, keeps a pod"},
		{"quota", rollout.Quota, "a quota refuses a pod while others are ending; when none is, it fails at once"},
		{"admission", rollout.Admission, "an admission webhook cannot be asked; one that says no fails at once"},
		{"placement", rollout.Placing, "no node fits, whatever its room"},
		{"image", rollout.Image, "an image or the model cannot be fetched"},
		{"config", rollout.Config, "a Secret or a key that a pod refers to is not there"},
		{"device", rollout.Device, "a node refuses a pod; a second one fails at once"},
		{"crash", rollout.Crash, "the server ends; without this clock the second restart fails at once"},
	}
}

func patienceBlock() sdk.NestedBlock {
	block := sdk.Block{Description: "How long a rollout may be held up, by what holds it up. For want of room there is `schedule_timeout`, for loading `ready_timeout`."}
	for _, clock := range clocks() {
		fallback := fmt.Sprintf("`%q`", short(rollout.DefaultWait(clock.class)))
		if clock.class == rollout.Queued {
			fallback = "that of `schedule_timeout`"
		}
		block.Attributes = append(block.Attributes, sdk.Attribute{
			Name: clock.name, Type: cty.String, Description: fmt.Sprintf("While %s. Default: %s.", clock.what, fallback),
		})
	}
	return sdk.NestedBlock{Name: "patience", Nesting: sdk.NestingSingle, Block: block}
}

func (v *validator) patience(c sdk.Config) {
	b, ok := c.Block("patience")
	if !ok {
		return
	}
	for _, clock := range clocks() {
		v.durationAt(b, sdk.At(sdk.Attr("patience")), clock.name, 0, maxTimeout)
	}
}

// clockOf names what bounds a class, and how long that is.
func (l limits) clockOf(class rollout.Class) string {
	i := slices.IndexFunc(clocks(), func(c clock) bool { return c.class == class })
	if i < 0 {
		return ""
	}
	if wait, ok := l.limits().Waits[class]; ok {
		return fmt.Sprintf("%s in patience is %s", clocks()[i].name, short(wait))
	}
	if class == rollout.Queued {
		return fmt.Sprintf("schedule_timeout is %s", short(l.limits().Schedule))
	}
	return fmt.Sprintf("%s in patience says how long it may", clocks()[i].name)
}

// short is a duration as people write it: 2m, not 2m0s.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if n := len(text) - len(zero); n > 0 && text[n:] == zero {
			text = text[:n+1]
		}
	}
	return text
}
