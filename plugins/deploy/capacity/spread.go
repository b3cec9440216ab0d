package capacity

import (
	"math"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// spread is a hard topology spread constraint.
type spread struct {
	key        string
	skew       int64
	minDomains int64
	pick       []requirement // which pods count
}

func spreadsOf(pod kube.Object) []spread {
	var out []spread
	labels := texts(pod.At("metadata", "labels"))
	for _, c := range objects(pod.At("spec", "topologySpreadConstraints")) {
		if c.Text("whenUnsatisfiable") == "ScheduleAnyway" {
			continue
		}
		s := spread{key: c.Text("topologyKey"), skew: max(amount("", c["maxSkew"]), 1), minDomains: amount("", c["minDomains"])}
		for k, v := range texts(c.At("labelSelector", "matchLabels")) {
			s.pick = append(s.pick, requirement{k, "In", []string{v}})
		}
		s.pick = append(s.pick, requirements(c.At("labelSelector", "matchExpressions"))...)
		for _, key := range list(c["matchLabelKeys"]) {
			if v, ok := labels[key]; ok {
				s.pick = append(s.pick, requirement{key, "In", []string{v}})
			}
		}
		out = append(out, s)
	}
	return out
}

func (s spread) counts(p Pod, namespace string) bool {
	if p.Namespace != namespace || p.Node == "" || p.Ending {
		return false
	}
	for _, r := range s.pick {
		if !r.holds(p.Labels) {
			return false
		}
	}
	return true
}

// seats is how many pods there can be in all domains together. The scheduler
// may go about it in any order: it stops where a domain with the fewest pods is
// full, and that number is the same in every order.
func (s spread) seats(room, there map[string]int64) int64 {
	least := int64(math.MaxInt64)
	for domain, n := range room {
		least = min(least, there[domain]+n)
	}
	if int64(len(room)) < s.minDomains {
		least = 0
	}
	var sum int64
	for domain, n := range room {
		sum += max(min(n, least+s.skew-there[domain]), 0)
	}
	return sum
}
