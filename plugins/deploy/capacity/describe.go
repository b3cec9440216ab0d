package capacity

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mostShown bounds what people get to read of many nodes.
const mostShown = 10

// Arithmetic is what the answers rest on, a line each.
func (g *Ground) Arithmetic() []string {
	out := []string{
		fmt.Sprintf("each pod needs %s", g.need.Needs),
		fmt.Sprintf("%s wanted, %d there, %d of another revision to be replaced", one(int64(g.need.Replicas), "1 pod", "%d pods"), g.made, len(g.old)),
		g.nodesLine(),
	}
	if len(g.sites) > 0 {
		out = append(out, g.seatsLine())
	}
	if ending := g.ending(); ending > 0 {
		out = append(out, fmt.Sprintf("%s still held by pods that are ending", show(g.Scarce(), ending)))
	}
	for _, h := range g.limits {
		out = append(out, fmt.Sprintf("%s: room for %d more", h, h.seats(0)))
	}
	if len(g.need.unproven) > 0 {
		out = append(out, "not looked at: "+strings.Join(g.need.unproven, ", "))
	}
	return out
}

func (g *Ground) nodesLine() string {
	line := fmt.Sprintf("%d of %s may take them", len(g.sites), one(int64(g.nodes), "1 node", "%d nodes"))
	var parts []string
	for _, why := range slices.SortedFunc(maps.Keys(g.refused), func(a, b string) int {
		return cmp.Or(cmp.Compare(g.refused[b], g.refused[a]), cmp.Compare(a, b))
	}) {
		if len(parts) == mostShown {
			parts = append(parts, "others for more reasons")
			break
		}
		parts = append(parts, fmt.Sprintf("%d %s", g.refused[why], why))
	}
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, ", ")
	}
	return line
}

func (g *Ground) seatsLine() string {
	line := fmt.Sprintf("seats: %d now", g.seats(false))
	if g.Replaces() {
		line += fmt.Sprintf(", %d once the old pods are gone", g.seats(true))
	}
	return line + ": " + Describe(g.Rooms())
}

func (g *Ground) ending() int64 {
	var n int64
	for _, s := range g.sites {
		n += s.ending[g.Scarce()]
	}
	return n
}

// Rooms is how much each node that may take the pods has of the scarcest
// resource, where it has any.
func (g *Ground) Rooms() []Room {
	out := make([]Room, 0, len(g.sites))
	for _, s := range g.sites {
		name := g.Scarce()
		if s.node.Allocatable[name] == 0 {
			continue
		}
		out = append(out, Room{Node: s.node.Name, Resource: name, Allocatable: s.node.Allocatable[name], Free: max(s.free[name], 0)})
	}
	return out
}

// Largest is the most that a node of those that selector and affinity pick has
// of the scarcest resource, and on how many nodes there is any.
func (g *Ground) Largest() (amount int64, nodes int) { return g.largest, g.offering }

// Replaces reports whether there are pods that the release takes the place of.
func (g *Ground) Replaces() bool { return len(g.old) > 0 }

// Waits reports whether pods that are ending will make room.
func (g *Ground) Waits() bool { return g.ending() > 0 }

// Room is what one node has of a resource.
type Room struct {
	Node        string `json:"node"`
	Resource    string `json:"resource"`
	Allocatable int64  `json:"allocatable"`
	Free        int64  `json:"free"`
	Cordoned    bool   `json:"cordoned"`
}

// Rooms is how much of a resource each node has, by name of the node; only
// those that have some at all. The selector narrows the nodes, empty means all.
func (c Cluster) Rooms(resource string, selector map[string]string) []Room {
	held := make(map[string]int64)
	for _, p := range c.Pods {
		held[p.Node] += p.Holds[resource]
	}
	rooms := []Room{}
	for _, n := range c.Nodes {
		all := n.Allocatable[resource]
		if all == 0 || !(Demand{Selector: selector}).picks(n) {
			continue
		}
		rooms = append(rooms, Room{
			Node: n.Name, Resource: resource, Allocatable: all,
			Free: max(all-held[n.Name], 0), Cordoned: n.Cordoned,
		})
	}
	slices.SortFunc(rooms, func(a, b Room) int { return cmp.Compare(a.Node, b.Node) })
	return rooms
}

// Extended are the names of all extended resources that nodes offer, sorted.
func (c Cluster) Extended() []string {
	seen := make(map[string]bool)
	for _, n := range c.Nodes {
		for name, amount := range n.Allocatable {
			if IsExtended(name) && amount > 0 {
				seen[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Describe is the room of each node for people, at most ten of them:
// "node-a 2 of 8 free, node-b 0 of 8 free (cordoned)".
func Describe(rooms []Room) string {
	parts := make([]string, 0, min(len(rooms), mostShown))
	// The emptiest first: they are nearest to a way out.
	sorted := slices.SortedStableFunc(slices.Values(rooms), func(a, b Room) int { return cmp.Compare(b.Free, a.Free) })
	for i, r := range sorted {
		if i == mostShown {
			parts = append(parts, fmt.Sprintf("and %d more nodes with at most %s free", len(sorted)-mostShown, bare(r.Resource, r.Free)))
			break
		}
		part := fmt.Sprintf("%s %s of %s free", r.Node, bare(r.Resource, r.Free), bare(r.Resource, r.Allocatable))
		if r.Cordoned {
			part += " (cordoned)"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
