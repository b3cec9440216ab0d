package sample

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/stagegate/stagegate/plugins/test/stats"
)

// Series is one metric, item by item.
type Series struct {
	Values []float64
	keys   []Key
	labels map[string]column
}

// column is one label of the items.
type column struct {
	ids   []int32
	texts []string
}

// Len is the number of items.
func (s Series) Len() int { return len(s.Values) }

// Mean is the metric over all items; 0 for none.
func (s Series) Mean() float64 { return stats.Average(s.Values) }

// Binary reports whether every item is right or wrong, 1 or 0.
func (s Series) Binary() bool {
	for _, v := range s.Values {
		if v != 0 && v != 1 {
			return false
		}
	}
	return true
}

// Groups numbers the items by a label, and whether they have it.
func (s Series) Groups(label string) ([]int, bool) {
	c, ok := s.labels[label]
	if !ok {
		return nil, false
	}
	groups := make([]int, len(c.ids))
	for i, id := range c.ids {
		groups[i] = int(id)
	}
	return groups, true
}

// Slice is the items with one text for a label.
type Slice struct {
	Name string
	At   []int // places in the series, in order
}

// Slices divides the items by a label, the slices in the order of their names.
// It says no when the items do not have the label.
func (s Series) Slices(label string) ([]Slice, bool) {
	c, ok := s.labels[label]
	if !ok {
		return nil, false
	}
	at := make(map[int32][]int)
	for i, id := range c.ids {
		at[id] = append(at[id], i)
	}
	slicesOf := make([]Slice, 0, len(at))
	for id, places := range at {
		slicesOf = append(slicesOf, Slice{Name: c.texts[id], At: places})
	}
	slices.SortFunc(slicesOf, func(a, b Slice) int { return cmp.Or(Natural(a.Name, b.Name), cmp.Compare(a.Name, b.Name)) })
	return slicesOf, true
}

// Pool puts series together, such as those of the tasks of a group. Only
// labels that all of them have are kept.
func Pool(all []Series) Series {
	out := Series{labels: make(map[string]column)}
	for _, s := range all {
		out.Values = append(out.Values, s.Values...)
		out.keys = append(out.keys, s.keys...)
	}
	if len(all) == 0 {
		return out
	}
	for _, name := range slices.Sorted(maps.Keys(all[0].labels)) {
		if merged, ok := merge(all, name); ok {
			out.labels[name] = merged
		}
	}
	return out
}

func merge(all []Series, name string) (column, bool) {
	var out column
	known := make(map[string]int32)
	for _, s := range all {
		c, ok := s.labels[name]
		if !ok {
			return column{}, false
		}
		for _, id := range c.ids {
			text := c.texts[id]
			merged, ok := known[text]
			if !ok {
				merged = int32(len(out.texts)) //nolint:gosec // no more than the parts have
				known[text] = merged
				out.texts = append(out.texts, text)
			}
			out.ids = append(out.ids, merged)
		}
	}
	return out, true
}

// UnpairedError says that two series are not about the same items.
type UnpairedError struct{ Pairs, OnlyCandidate, OnlyBaseline int }

// Error counts them.
func (e *UnpairedError) Error() string {
	return fmt.Sprintf("%d items have a partner, %d are in the candidate's evaluation alone and %d in the baseline's alone",
		e.Pairs, e.OnlyCandidate, e.OnlyBaseline)
}

// Pair makes sure that two series have the same items, so that values at the
// same place are of one item. It is an *UnpairedError when they do not: leaving
// out what has no partner could leave out what one of them is bad at.
func Pair(candidate, baseline Series) error {
	if slices.Equal(candidate.keys, baseline.keys) {
		return nil
	}
	a, b := slices.Clone(candidate.keys), slices.Clone(baseline.keys)
	order := func(x, y Key) int { return bytes.Compare(x[:], y[:]) }
	slices.SortFunc(a, order)
	slices.SortFunc(b, order)
	var e UnpairedError
	for len(a) > 0 && len(b) > 0 {
		switch order(a[0], b[0]) {
		case -1:
			e.OnlyCandidate++
			a = a[1:]
		case 1:
			e.OnlyBaseline++
			b = b[1:]
		default:
			e.Pairs++
			a, b = a[1:], b[1:]
		}
	}
	e.OnlyCandidate += len(a)
	e.OnlyBaseline += len(b)
	return &e
}
