package capacity

import (
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// Quota is what a namespace may use of some resources.
type Quota struct {
	Name       string
	Hard, Used Resources
	scopes     []requirement
}

// QuotaOf reads a ResourceQuota.
func QuotaOf(o kube.Object) Quota {
	q := Quota{Name: o.Text("metadata", "name")}
	hard, _ := o.At("status", "hard").(map[string]any)
	if hard == nil { // the controller has not seen it yet
		hard, _ = o.At("spec", "hard").(map[string]any)
	}
	q.Hard = make(Resources, len(hard))
	for name, v := range hard { // a hard limit of none is one
		q.Hard[name] = quotaAmount(name, v)
	}
	used, _ := o.At("status", "used").(map[string]any)
	q.Used = make(Resources, len(used))
	for name, v := range used {
		q.Used[name] = quotaAmount(name, v)
	}
	for _, scope := range list(o.At("spec", "scopes")) {
		q.scopes = append(q.scopes, requirement{scope, "Exists", nil})
	}
	for _, r := range objects(o.At("spec", "scopeSelector", "matchExpressions")) {
		q.scopes = append(q.scopes, requirement{r.Text("scopeName"), r.Text("operator"), list(r["values"])})
	}
	return q
}

func quotaAmount(name string, v any) int64 { return amount(plain(name), v) }

// plain is the resource that a quota's name speaks of.
func plain(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, "requests."), "limits.")
}

// governs reports whether the quota counts such pods.
func (q Quota) governs(d Demand) bool {
	for _, s := range q.scopes {
		ok := false
		switch s.key {
		case "NotTerminating":
			ok = true // a server has no deadline
		case "BestEffort":
			ok = d.BestEffort
		case "NotBestEffort":
			ok = !d.BestEffort
		case "PriorityClass":
			labels := map[string]string{}
			if d.Priority != "" {
				labels[s.key] = d.Priority
			}
			ok = s.holds(labels)
		}
		if !ok {
			return false
		}
	}
	return true
}

// charge is what a pod with these requests and limits is charged under a name.
func charge(name string, requests, limits Resources) int64 {
	switch {
	case name == pods || name == "count/pods":
		return 1
	case strings.HasPrefix(name, "limits."):
		return limits[plain(name)]
	case strings.HasPrefix(name, "requests."), name == cpu, name == "memory", name == "ephemeral-storage":
		return requests[plain(name)]
	}
	return 0
}

// headroom is one limit of a quota that counts such pods.
type headroom struct {
	quota, name      string
	hard, used       int64
	each, freed, old int64 // charged for a new pod; freed by one old pod; how many of these
}

// seats is how many more pods it lets in once some old ones are gone.
func (h headroom) seats(gone int64) int64 {
	return max(h.hard-h.used+min(gone, h.old)*h.freed, 0) / h.each
}

func (h headroom) String() string {
	return fmt.Sprintf("quota %s: %s of %s used, and each pod needs %s", h.quota, bare(h.name, h.used), show(h.name, h.hard), bare(h.name, h.each))
}

// bare is an amount without its name.
func bare(name string, n int64) string {
	return strings.TrimSpace(strings.Replace(show(name, n), name, "", 1))
}

// headrooms are the limits that count the pods of a demand, and what an old pod
// gives back: the least of them, so that it holds for each.
func headrooms(quotas []Quota, d Demand, old []Pod) []headroom {
	var out []headroom
	for _, q := range quotas {
		if !q.governs(d) {
			continue
		}
		for _, name := range q.Hard.names() {
			each := charge(name, d.Needs, d.Limits)
			if each == 0 {
				continue
			}
			h := headroom{quota: q.Name, name: name, hard: q.Hard[name], used: q.Used[name], each: each, old: int64(len(old))}
			for i, p := range old {
				freed := charge(name, p.Holds, p.Holds)
				if i == 0 || freed < h.freed {
					h.freed = freed
				}
			}
			out = append(out, h)
		}
	}
	return out
}
