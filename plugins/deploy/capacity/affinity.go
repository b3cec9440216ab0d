package capacity

import (
	"slices"
	"strconv"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// term is one alternative of a required node affinity: all its requirements
// have to hold.
type term struct{ labels, fields []requirement }

// requirement is one condition on a label of a node, or on its name.
type requirement struct {
	key, operator string
	values        []string
}

func termsOf(spec kube.Object) []term {
	var out []term
	required := spec.At("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
	for _, t := range objects(object(required)["nodeSelectorTerms"]) {
		out = append(out, term{labels: requirements(t["matchExpressions"]), fields: requirements(t["matchFields"])})
	}
	return out
}

func requirements(v any) []requirement {
	var out []requirement
	for _, r := range objects(v) {
		out = append(out, requirement{r.Text("key"), r.Text("operator"), list(r["values"])})
	}
	return out
}

func (t term) picks(n Node) bool {
	if len(t.labels)+len(t.fields) == 0 {
		return false // an empty term picks nothing
	}
	for _, r := range t.labels {
		if !r.holds(n.Labels) {
			return false
		}
	}
	for _, r := range t.fields {
		if !r.holds(map[string]string{"metadata.name": n.Name}) {
			return false
		}
	}
	return true
}

func (r requirement) holds(labels map[string]string) bool {
	value, has := labels[r.key]
	switch r.operator {
	case "In":
		return has && slices.Contains(r.values, value)
	case "NotIn":
		return !has || !slices.Contains(r.values, value)
	case "Exists":
		return has
	case "DoesNotExist":
		return !has
	case "Gt", "Lt":
		if !has || len(r.values) != 1 {
			return false
		}
		a, err := strconv.ParseInt(value, 10, 64)
		b, other := strconv.ParseInt(r.values[0], 10, 64)
		return err == nil && other == nil && (r.operator == "Gt" && a > b || r.operator == "Lt" && a < b)
	}
	return false
}
