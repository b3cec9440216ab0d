package kubernetes

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagegate/stagegate/sdk"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

const minTimeout = time.Second

// validator collects what is wrong.
type validator struct{ found sdk.Diagnostics }

func (v *validator) dnsName(c sdk.Config, attr string) {
	if !c.Set(attr) {
		return
	}
	name := c.String(attr)
	valid := validation.IsDNS1123Label
	switch attr {
	case "name":
		valid = validation.IsDNS1035Label // it names a Service
	case "pull_secret":
		valid = validation.IsDNS1123Subdomain
	}
	if why := valid(name); len(why) > 0 {
		v.found.AddError(sdk.At(sdk.Attr(attr)), fmt.Sprintf("%q is not a valid %s", name, strings.ReplaceAll(attr, "_", " ")), sentence(why))
	}
}

// count checks a whole number from 1 of a block that stands at a path.
func (v *validator) count(c sdk.Config, at sdk.Path, attr string, most int64) {
	n, ok := c.Number(attr)
	if !ok || (n == math.Trunc(n) && n >= 1 && n <= float64(most)) {
		return
	}
	v.found.AddError(append(slices.Clone(at), sdk.Attr(attr)), fmt.Sprintf("%s cannot be %s", attr, strconv.FormatFloat(n, 'f', -1, 64)),
		fmt.Sprintf("It is a whole number from 1 to %d.", most))
}

func (v *validator) duration(c sdk.Config, attr string, least, most time.Duration) {
	v.durationAt(c, nil, attr, least, most)
}

// durationAt checks a duration of a block that stands at a path.
func (v *validator) durationAt(c sdk.Config, at sdk.Path, attr string, least, most time.Duration) {
	if !c.Set(attr) {
		return
	}
	d, err := time.ParseDuration(c.String(attr))
	if err == nil && d >= least && d <= most {
		return
	}
	v.found.AddError(append(slices.Clone(at), sdk.Attr(attr)), fmt.Sprintf("%q is not a usable %s", c.String(attr), strings.ReplaceAll(attr, "_", " ")),
		fmt.Sprintf("Give a duration from %s to %s, for example \"90s\" or \"5m\".", least, most))
}

func (v *validator) resources(c sdk.Config) {
	b, ok := c.Block("resources")
	if !ok {
		return
	}
	for _, attr := range []string{"cpu", "memory"} {
		if !b.Set(attr) {
			continue
		}
		q, err := resource.ParseQuantity(b.String(attr))
		if err != nil || q.Sign() <= 0 {
			v.found.AddError(sdk.At(sdk.Attr("resources"), sdk.Attr(attr)), fmt.Sprintf("%q is not an amount of %s", b.String(attr), attr),
				"Give a Kubernetes quantity, for example \"500m\" or \"2\" for cpu and \"512Mi\" or \"8Gi\" for memory.")
		}
	}
}

func (v *validator) strategy(c sdk.Config) {
	all := c.LabelledBlocks("strategy")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := sdk.At(sdk.Attr("strategy"), sdk.Key(name))
		own, ok := ofStrategies()[name]
		if !ok {
			v.found.AddError(at, fmt.Sprintf("there is no strategy %q", name),
				fmt.Sprintf("The strategies are: %s.", strings.Join(slices.Sorted(maps.Keys(ofStrategies())), ", ")))
			continue
		}
		v.others(all[name], at, name, own)
		switch name {
		case rollingStrategy:
			v.bounds(all[name], at)
		case recreateStrategy:
			v.downtime(all[name], at)
		}
	}
}

// ofStrategies are the arguments that each strategy has.
func ofStrategies() map[string][]string {
	return map[string][]string{
		rollingStrategy:  {"max_surge", "max_unavailable"},
		recreateStrategy: {"allow_downtime"},
	}
}

// others refuses what another strategy has.
func (v *validator) others(c sdk.Config, at sdk.Path, strategy string, own []string) {
	for name, args := range ofStrategies() {
		for _, attr := range args {
			if name != strategy && c.Set(attr) && !slices.Contains(own, attr) {
				v.found.AddError(append(slices.Clone(at), sdk.Attr(attr)), fmt.Sprintf("%s says nothing in strategy %q", attr, strategy),
					fmt.Sprintf("It belongs to strategy %q. This one has: %s.", name, strings.Join(own, ", ")))
			}
		}
	}
}

// downtime has it said in words that a release may stop serving.
func (v *validator) downtime(c sdk.Config, at sdk.Path) {
	if c.Known("allow_downtime") && !c.Bool("allow_downtime") {
		v.found.AddError(at, "recreate ends all pods before the first new one starts",
			"Nothing serves until then. If that is meant, say allow_downtime = true; else leave the block out: pods are then replaced in place where there is no room for one more.")
	}
}

func (v *validator) oneOf(c sdk.Config, attr string, words ...string) {
	if c.Set(attr) && !slices.Contains(words, c.String(attr)) {
		v.found.AddError(sdk.At(sdk.Attr(attr)), fmt.Sprintf("%q is not a %s", c.String(attr), strings.ReplaceAll(attr, "_", " ")),
			fmt.Sprintf("Give one of: %s.", strings.Join(words, ", ")))
	}
}

// bounds refuses what Kubernetes would, before anything is asked of it.
func (v *validator) bounds(c sdk.Config, at sdk.Path) {
	zero := 0
	for attr, fallback := range map[string]string{"max_surge": defaultSurge, "max_unavailable": defaultUnavailable} {
		if !c.Known(attr) {
			continue
		}
		text := or(c.String(attr), fallback)
		number, percent := strings.CutSuffix(text, "%")
		n, err := strconv.ParseUint(number, 10, 31)
		if err != nil || (percent && n > 100) {
			v.found.AddError(append(slices.Clone(at), sdk.Attr(attr)), fmt.Sprintf("%q is not a bound on pods", text),
				"Give a number of pods or a percentage of the replicas from \"0%\" to \"100%\".")
			continue
		}
		if n == 0 {
			zero++
		}
	}
	if zero == 2 {
		v.found.AddError(at, "the update could replace nothing",
			"With max_surge and max_unavailable both 0 no pod may be added and none removed. Set max_surge to 1, or max_unavailable to 1 where no accelerator is free.")
	}
}

// sentence makes one of Kubernetes' reasons.
func sentence(why []string) string {
	text := strings.Join(why, "; ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
