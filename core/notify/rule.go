package notify

import (
	"slices"
	"strings"
)

// Rule says who is told when. The operator has rules for all pipelines, and a
// pipeline has its own.
type Rule struct {
	Name   string      `json:"name"`
	Target string      `json:"target"`
	On     []Condition `json:"on"`
	// Pipelines and Branches are patterns; empty means all.
	Pipelines []string `json:"pipelines,omitempty"`
	Branches  []string `json:"branches,omitempty"`
	// Channel and To are where in the target it goes; empty means where the
	// target says.
	Channel string   `json:"channel,omitempty"`
	To      []string `json:"to,omitempty"`
}

// About reports whether the rule is about runs of a pipeline on a ref. A commit
// that is on no branch meets no rule that names branches. Where the pipeline is
// so wrong that nobody knows its name, it may be any.
func (r Rule) About(pipeline, ref string) bool {
	return (pipeline == "" || Among(r.Pipelines, pipeline)) && onBranch(r.Branches, ref)
}

// Met are the conditions of the rule among those that hold.
func (r Rule) Met(holding []Condition) []Condition {
	return slices.DeleteFunc(slices.Clone(holding), func(c Condition) bool { return !slices.Contains(r.On, c) })
}

// Branch is the short name of a branch, or empty for any other ref.
func Branch(ref string) string {
	name, ok := strings.CutPrefix(ref, "refs/heads/")
	if !ok {
		return ""
	}
	return name
}

func onBranch(patterns []string, ref string) bool {
	return len(patterns) == 0 || Branch(ref) != "" && Among(patterns, Branch(ref))
}

// Among reports whether a name fits one of the patterns, or there are none.
func Among(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return Fits(p, name) })
}

// Fits compares a name with a pattern, in which * stands for any text, slashes
// included. It takes time in the product of both lengths at most.
func Fits(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(name, first) || len(name) < len(first)+len(last) || !strings.HasSuffix(name, last) {
		return false
	}
	rest := name[len(first) : len(name)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return true
}
