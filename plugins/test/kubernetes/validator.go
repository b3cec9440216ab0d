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

// validator collects what is wrong.
type validator struct{ found sdk.Diagnostics }

func (v *validator) name(c sdk.Config, attr string, valid func(string) []string) {
	if why := valid(c.String(attr)); c.Set(attr) && len(why) > 0 {
		v.found.AddError(sdk.At(sdk.Attr(attr)), fmt.Sprintf("%q is not a valid %s", c.String(attr), strings.ReplaceAll(attr, "_", " ")), sentence(why))
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

func (v *validator) duration(c sdk.Config, attr string) {
	if !c.Set(attr) {
		return
	}
	d, err := time.ParseDuration(c.String(attr))
	if err == nil && d >= minTimeout && d <= maxTimeout {
		return
	}
	v.found.AddError(sdk.At(sdk.Attr(attr)), fmt.Sprintf("%q is not a usable %s", c.String(attr), strings.ReplaceAll(attr, "_", " ")),
		fmt.Sprintf("Give a duration from %s to %s, for example \"90s\" or \"5m\".", minTimeout, maxTimeout))
}

func (v *validator) labels(c sdk.Config, attr string) {
	all := c.StringMap(attr)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if why := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(all[key])...); len(why) > 0 {
			v.found.AddError(sdk.At(sdk.Attr(attr), sdk.Key(key)), fmt.Sprintf("%s=%s is not a label", key, all[key]), sentence(why))
		}
	}
}

func (v *validator) gpu(c sdk.Config) {
	b, ok := c.Block("gpu")
	if !ok {
		return
	}
	at := sdk.At(sdk.Attr("gpu"))
	v.count(b, at, "count", maxDevices)
	if name := b.String("resource"); b.Set("resource") && (!isExtended(name) || len(validation.IsQualifiedName(name)) > 0) {
		v.found.AddError(append(at, sdk.Attr("resource")), fmt.Sprintf("%q is not the name of an accelerator", name),
			"Extended resources have a domain, for example nvidia.com/gpu, nvidia.com/mig-1g.5gb or amd.com/gpu.")
	}
}

// isExtended reports whether a resource is one that a device plugin or an
// operator advertises: its name has a domain that is not Kubernetes' own.
func isExtended(name string) bool {
	domain, _, ok := strings.Cut(name, "/")
	return ok && domain != "kubernetes.io" && !strings.HasSuffix(domain, ".kubernetes.io")
}

func (v *validator) resources(c sdk.Config) {
	b, ok := c.Block("resources")
	if !ok {
		return
	}
	for _, attr := range []string{"cpu", "memory", "shm"} {
		if !b.Set(attr) {
			continue
		}
		if q, err := resource.ParseQuantity(b.String(attr)); err != nil || q.Sign() <= 0 {
			v.found.AddError(sdk.At(sdk.Attr("resources"), sdk.Attr(attr)), fmt.Sprintf("%q is not an amount of %s", b.String(attr), attr),
				"Give a Kubernetes quantity, for example \"500m\" or \"2\" for cpu and \"512Mi\" or \"8Gi\" for memory and shm.")
		}
	}
}

func (v *validator) tolerations(c sdk.Config) {
	for i, b := range c.Blocks("toleration") {
		at := sdk.At(sdk.Attr("toleration"), sdk.Index(i))
		if why := validation.IsQualifiedName(b.String("key")); b.Set("key") && len(why) > 0 {
			v.found.AddError(append(slices.Clone(at), sdk.Attr("key")), fmt.Sprintf("%q is not the key of a taint", b.String("key")), sentence(why))
		}
		if why := validation.IsValidLabelValue(b.String("value")); b.Set("value") && len(why) > 0 {
			v.found.AddError(append(slices.Clone(at), sdk.Attr("value")), fmt.Sprintf("%q is not the value of a taint", b.String("value")), sentence(why))
		}
		if effect := b.String("effect"); b.Set("effect") && !slices.Contains([]string{"NoSchedule", "PreferNoSchedule", "NoExecute"}, effect) {
			v.found.AddError(append(slices.Clone(at), sdk.Attr("effect")), fmt.Sprintf("%q is not an effect of a taint", effect), "It is NoSchedule, PreferNoSchedule or NoExecute.")
		}
	}
}

// sentence makes one of Kubernetes' reasons.
func sentence(why []string) string { return capital(strings.Join(why, "; ")) + "." }

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
