package capacity

import (
	"fmt"
	"slices"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// Node is one of the cluster's.
type Node struct {
	Name        string
	Labels      map[string]string
	Taints      []Taint
	Cordoned    bool
	NotReady    bool
	Allocatable Resources
}

// Taint keeps pods away that do not tolerate it.
type Taint struct{ Key, Value, Effect string }

// NodeOf reads a node.
func NodeOf(o kube.Object) Node {
	n := Node{Name: o.Text("metadata", "name"), Labels: texts(o.At("metadata", "labels"))}
	n.Cordoned, _ = o.At("spec", "unschedulable").(bool)
	if m, ok := o.At("status", "allocatable").(map[string]any); ok {
		n.Allocatable = Amounts(m)
	}
	for _, t := range objects(o.At("spec", "taints")) {
		n.Taints = append(n.Taints, Taint{t.Text("key"), t.Text("value"), t.Text("effect")})
	}
	for _, c := range objects(o.At("status", "conditions")) {
		if c.Text("type") == "Ready" {
			n.NotReady = c.Text("status") != "True"
		}
	}
	return n
}

// refuses is why the scheduler would never put the pods there as the node is
// now, empty when it would.
func (n Node) refuses(d Demand) string {
	switch {
	case !d.picks(n):
		return "not picked by the node selector"
	case n.Cordoned:
		return "cordoned"
	case n.NotReady:
		return "not ready"
	}
	for _, t := range n.Taints {
		if t.Effect != "PreferNoSchedule" && !slices.ContainsFunc(d.Tolerations, func(x Toleration) bool { return x.covers(t) }) {
			return fmt.Sprintf("tainted with %s", t.Key)
		}
	}
	return ""
}

// Toleration lets pods onto nodes with a taint.
type Toleration struct{ Key, Operator, Value, Effect string }

func (t Toleration) covers(taint Taint) bool {
	switch {
	case t.Effect != "" && t.Effect != taint.Effect:
		return false
	case t.Key == "":
		return t.Operator == "Exists"
	case t.Key != taint.Key:
		return false
	}
	return t.Operator == "Exists" || t.Value == taint.Value
}
