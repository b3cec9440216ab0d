package capacity

import "math"

// worstCase is, for each number of old pods that are gone, the fewest seats
// that can be left: nobody can tell Kubernetes which of them to end first, and a
// sum of what is free would count pieces that fit no pod. Seats of one node do
// not depend on another, so that a table over the nodes finds the least exactly.
func (g *Ground) worstCase() []int64 {
	out := make([]int64, g.bound+1)
	for d := 1; d <= g.bound; d++ {
		out[d] = math.MaxInt64
	}
	elsewhere := g.bound // on nodes that take no new pod: ending these frees no seat
	reach := 0
	for _, s := range g.sites {
		n := len(s.cap) - 1
		elsewhere -= n
		if n == 0 {
			for d := range out[:reach+1] {
				out[d] += s.cap[0]
			}
			continue
		}
		next := make([]int64, reach+n+1)
		for d := range next {
			next[d] = math.MaxInt64
			for here := max(0, d-reach); here <= min(d, n); here++ {
				next[d] = min(next[d], out[d-here]+s.cap[here])
			}
		}
		reach += n
		copy(out, next)
	}
	// Each of those elsewhere may be among the ones that are gone.
	for d := g.bound; d >= 0; d-- {
		least := int64(math.MaxInt64)
		for e := 0; e <= min(elsewhere, d); e++ {
			if d-e <= reach {
				least = min(least, out[d-e])
			}
		}
		out[d] = least
	}
	return out
}

// seats is how many more pods there are seats for now, and when all old ones
// are gone.
func (g *Ground) seats(cleared bool) int64 {
	room := make(map[string]int64)
	for domain := range g.domains {
		room[domain] = 0
	}
	var sum int64
	for _, s := range g.sites {
		n := s.cap[0]
		if cleared {
			n = s.cap[len(s.cap)-1]
		}
		sum += n
		if len(g.need.spread) > 0 {
			if domain, ok := s.node.Labels[g.need.spread[0].key]; ok {
				room[domain] += n
			}
		}
	}
	if len(g.need.spread) == 0 {
		return sum
	}
	return g.need.spread[0].seats(room, g.counted(cleared))
}

// counted is how many pods count for the spread in each domain.
func (g *Ground) counted(cleared bool) map[string]int64 {
	if !cleared {
		return g.domains
	}
	out := make(map[string]int64, len(g.domains))
	for domain, n := range g.domains {
		out[domain] = n
	}
	for _, s := range g.sites {
		for _, p := range s.old {
			if g.need.spread[0].counts(p, g.need.Namespace) {
				out[s.node.Labels[g.need.spread[0].key]]--
			}
		}
	}
	return out
}
