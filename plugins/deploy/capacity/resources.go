package capacity

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Resources are amounts by the name of the resource: of cpu in thousandths, of
// everything else in whole units.
type Resources map[string]int64

const (
	cpu  = "cpu"
	pods = "pods"
)

// Amounts reads quantities as Kubernetes writes them, text or number. What is
// no quantity counts as none.
func Amounts(of map[string]any) Resources {
	out := make(Resources, len(of))
	for name, v := range of {
		if n := amount(name, v); n > 0 {
			out[name] = n
		}
	}
	return out
}

func amount(name string, v any) int64 {
	var text string
	switch v := v.(type) {
	case string:
		text = v
	case int64:
		text = strconv.FormatInt(v, 10)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		text = v.String()
	}
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		if name == cpu {
			n *= 1000
		}
		return n
	}
	q, err := resource.ParseQuantity(text)
	switch {
	case err != nil:
		return 0
	case name == cpu:
		return q.MilliValue()
	}
	return q.Value()
}

// add changes r.
func (r Resources) add(other Resources, times int64) {
	for name, n := range other {
		r[name] += n * times
	}
}

// most keeps the larger amount of each.
func (r Resources) most(other Resources) {
	for name, n := range other {
		r[name] = max(r[name], n)
	}
}

// times is how often needs fit into what is free.
func (r Resources) times(needs Resources) int64 {
	const many = 1 << 30 // of a pod that needs nothing at all
	fit := int64(many)
	for name, n := range needs {
		if n > 0 {
			fit = min(fit, max(r[name], 0)/n)
		}
	}
	return fit
}

// String is for people: accelerators first, without the pod itself.
func (r Resources) String() string {
	var parts []string
	for _, name := range r.names() {
		if name != pods && r[name] > 0 {
			parts = append(parts, show(name, r[name]))
		}
	}
	if len(parts) == 0 {
		return "no resources"
	}
	return strings.Join(parts, ", ")
}

// names are sorted: extended resources come first, they are what is scarce.
func (r Resources) names() []string {
	return slices.SortedFunc(maps.Keys(r), func(a, b string) int {
		if x, y := IsExtended(a), IsExtended(b); x != y {
			if x {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
}

// show is an amount with its name: "2 nvidia.com/gpu", "cpu 500m".
func show(name string, n int64) string {
	bare := strings.TrimPrefix(strings.TrimPrefix(name, "requests."), "limits.")
	switch bare {
	case cpu:
		return name + " " + resource.NewMilliQuantity(n, resource.DecimalSI).String()
	case "memory", "ephemeral-storage":
		return name + " " + resource.NewQuantity(n, resource.BinarySI).String()
	}
	return fmt.Sprintf("%d %s", n, name)
}

// IsExtended reports whether a resource is one that a device plugin or an
// operator advertises: its name has a domain that is not Kubernetes' own.
func IsExtended(name string) bool {
	domain, _, ok := strings.Cut(name, "/")
	return ok && domain != "kubernetes.io" && !strings.HasSuffix(domain, ".kubernetes.io")
}
