package capacity

import (
	"cmp"
	"slices"
)

// Cluster is what there is: all nodes, what is bound to them, and the quotas of
// the namespace that a release goes to.
type Cluster struct {
	Nodes  []Node
	Pods   []Pod
	Quotas []Quota
}

// Need is what a release wants there.
type Need struct {
	Demand
	Replicas int
	// Old and Current are the pods that it replaces, and those that it has
	// already; both are among the pods of the cluster.
	Old, Current func(Pod) bool
}

// site is one node that may take the pods.
type site struct {
	node   Node
	free   Resources // may be less than nothing, where a node has shrunk
	ending Resources // held by pods that are on their way out
	old    []Pod     // that the release replaces, and that are not ending yet
	here   int64     // pods of the release that are there already
	cap    []int64   // cap[d] is how many more pods there are seats for, when d old pods are gone
}

// Ground is where a release can go, and how much room it has there.
type Ground struct {
	need     Need
	nodes    int            // of the cluster
	sites    []site         // that may take the pods
	refused  map[string]int // nodes that may not, by reason
	old      []Pod          // not ending, bound or not
	bound    int            // of these, those that hold something
	made     int            // pods of the release that there are
	placed   int            // of these, those that have a node
	limits   []headroom
	domains  map[string]int64 // pods that count for the spread, by domain
	worst    []int64          // worst[d] is the fewest seats that removing d old pods can leave
	largest  int64            // the most that a node could hold of the scarcest resource
	offering int              // nodes that have the scarcest resource at all
}

// Survey finds the nodes that may take the pods, and their seats.
func (c Cluster) Survey(need Need) *Ground {
	g := &Ground{need: need, nodes: len(c.Nodes), refused: make(map[string]int), domains: make(map[string]int64)}
	at := make(map[string]*site, len(c.Nodes))
	sites := make([]site, 0, len(c.Nodes))
	scarce := g.Scarce()
	for _, n := range c.Nodes {
		if n.Allocatable[scarce] > 0 && need.picks(n) {
			g.offering++
			g.largest = max(g.largest, n.Allocatable[scarce])
		}
		if why := n.refuses(need.Demand); why != "" {
			g.refused[why]++
			continue
		}
		free := Resources{}
		free.add(n.Allocatable, 1)
		sites = append(sites, site{node: n, free: free, ending: Resources{}})
		at[n.Name] = &sites[len(sites)-1]
	}
	for _, p := range c.Pods {
		g.take(p, at[p.Node])
	}
	g.sites = sites
	g.measure()
	g.limits = headrooms(c.Quotas, need.Demand, g.old)
	g.spreads(c)
	g.worst = g.worstCase()
	return g
}

// take notes one pod, and what it holds of a site, which is nil where it has no
// node that counts.
func (g *Ground) take(p Pod, s *site) {
	old, current := g.need.Old(p) && !p.Ending, g.need.Current(p) && !p.Ending
	if old {
		g.old = append(g.old, p)
	}
	if current {
		g.made++
	}
	if p.Node == "" {
		return
	}
	if old {
		g.bound++
	}
	if current {
		g.placed++
	}
	if s == nil {
		return
	}
	s.free.add(p.Holds, -1)
	switch {
	case p.Ending:
		s.ending.add(p.Holds, 1)
	case old:
		s.old = append(s.old, p)
	case current:
		s.here++
	}
}

// measure counts the seats of each site, with none, one, … all of its old pods
// gone. Those that give the least back are taken to go first.
func (g *Ground) measure() {
	for i := range g.sites {
		s := &g.sites[i]
		free := Resources{}
		free.add(s.free, 1)
		s.cap = append(s.cap, free.times(g.need.Needs))
		for d := 1; d <= len(s.old); d++ {
			back := leastOf(s.old, d, g.need.Needs)
			with := Resources{}
			with.add(s.free, 1)
			with.add(back, 1)
			s.cap = append(s.cap, with.times(g.need.Needs))
		}
	}
	slices.SortStableFunc(g.sites, func(a, b site) int {
		return cmp.Or(cmp.Compare(b.cap[0], a.cap[0]), cmp.Compare(a.node.Name, b.node.Name))
	})
}

// leastOf is the least that any d of the pods hold together, of each resource.
func leastOf(all []Pod, d int, of Resources) Resources {
	out := Resources{}
	for name := range of {
		amounts := make([]int64, len(all))
		for i, p := range all {
			amounts[i] = p.Holds[name]
		}
		slices.Sort(amounts)
		for _, n := range amounts[:d] {
			out[name] += n
		}
	}
	return out
}

// spreads counts the pods of each domain of the first spread constraint; the
// proof says so when there are more.
func (g *Ground) spreads(c Cluster) {
	if len(g.need.spread) == 0 {
		return
	}
	s, domainOf := g.need.spread[0], make(map[string]string)
	for _, n := range c.Nodes {
		if domain, ok := n.Labels[s.key]; ok && g.need.picks(n) {
			domainOf[n.Name] = domain
			g.domains[domain] += 0
		}
	}
	for _, p := range c.Pods {
		if domain, ok := domainOf[p.Node]; ok && s.counts(p, g.need.Namespace) {
			g.domains[domain]++
		}
	}
}

// Scarce is the resource that decides: the first extended one, else memory or
// whatever else is asked for.
func (g *Ground) Scarce() string {
	for _, name := range g.need.Needs.names() {
		if IsExtended(name) {
			return name
		}
	}
	for _, name := range []string{"memory", cpu} {
		if g.need.Needs[name] > 0 {
			return name
		}
	}
	return pods
}
