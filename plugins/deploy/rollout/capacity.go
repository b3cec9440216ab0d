package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

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
// Pods without a node hold nothing; those that are ending still do.
func Rooms(nodes []Node, pods []Pod, resource string, selector map[string]string) []Room {
	held := make(map[string]int64)
	for _, p := range pods {
		if p.Spec.NodeName != "" && p.Status.Phase != "Succeeded" && p.Status.Phase != "Failed" {
			held[p.Spec.NodeName] += p.need(resource)
		}
	}
	rooms := []Room{}
	for _, n := range nodes {
		all := count(n.Status.Allocatable[resource])
		if all == 0 || !n.fits(selector) {
			continue
		}
		rooms = append(rooms, Room{
			Node: n.Metadata.Name, Resource: resource, Allocatable: all,
			Free: max(all-held[n.Metadata.Name], 0), Cordoned: n.Spec.Unschedulable,
		})
	}
	slices.SortFunc(rooms, func(a, b Room) int { return cmp.Compare(a.Node, b.Node) })
	return rooms
}

func (n Node) fits(selector map[string]string) bool {
	for k, v := range selector {
		if n.Metadata.Labels[k] != v {
			return false
		}
	}
	return true
}

// Extended are the names of all extended resources that nodes offer, sorted.
func Extended(nodes []Node) []string {
	var out []string
	for _, n := range nodes {
		for name, quantity := range n.Status.Allocatable {
			if IsExtended(name) && count(quantity) > 0 && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Largest is the most that one node could ever give to one pod.
func Largest(rooms []Room) int64 {
	var n int64
	for _, r := range rooms {
		n = max(n, r.Allocatable)
	}
	return n
}

// Seats is how many pods of that size the nodes could hold if nothing else ran
// on them. A sum of what is free would count pieces that fit no pod.
func Seats(rooms []Room, perPod int64) int64 {
	var n int64
	for _, r := range rooms {
		n += r.Allocatable / max(perPod, 1)
	}
	return n
}

// Describe is the room of each node for people, at most ten of them:
// "node-a 2 of 8 free, node-b 0 of 8 free (cordoned)".
func Describe(rooms []Room) string {
	const most = 10
	parts := make([]string, 0, min(len(rooms), most))
	// The emptiest first: they are nearest to a way out.
	sorted := slices.SortedStableFunc(slices.Values(rooms), func(a, b Room) int { return cmp.Compare(b.Free, a.Free) })
	for i, r := range sorted {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more nodes with at most %d free", len(sorted)-most, r.Free))
			break
		}
		part := fmt.Sprintf("%s %d of %d free", r.Node, r.Free, r.Allocatable)
		if r.Cordoned {
			part += " (cordoned)"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
