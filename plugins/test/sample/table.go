package sample

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Bounds of one table, and of all tables that share a Limit.
const (
	MaxItems   = 2_000_000
	maxCells   = 8_000_000 // items times metrics
	maxMetrics = 64
	maxLabels  = 16
	maxLabel   = 200
	maxTexts   = 16 << 20 // bytes of labels
)

// Limit is what several tables may hold together.
type Limit struct{ items, cells, texts int }

// NewLimit is the one for all tables of one evaluation.
func NewLimit() *Limit { return &Limit{items: MaxItems, cells: maxCells, texts: maxTexts} }

// Table holds the values of the items of one task: for each item a number for
// every metric, and a text for every label.
type Table struct {
	Metrics []string // names that are unique in an evaluation
	Labels  []string
	keys    []Key
	values  [][]float64 // by metric
	labels  [][]int32   // by label: which of the texts
	texts   []string
	known   map[string]int32
	limit   *Limit
}

// NewTable is empty. Metrics and labels are fixed.
func NewTable(metrics, labels []string, limit *Limit) (*Table, error) {
	if len(metrics) > maxMetrics || len(labels) > maxLabels {
		return nil, fmt.Errorf("items have %d metrics and %d labels; at most %d and %d are kept", len(metrics), len(labels), maxMetrics, maxLabels)
	}
	return &Table{
		Metrics: metrics, Labels: labels, values: make([][]float64, len(metrics)), labels: make([][]int32, len(labels)),
		known: make(map[string]int32), limit: limit,
	}, nil
}

// Add appends an item. Values and labels are in the order of the table's names.
func (t *Table) Add(key Key, values []float64, labels []string) error {
	t.limit.items--
	t.limit.cells -= len(values)
	if t.limit.items < 0 || t.limit.cells < 0 {
		return fmt.Errorf("there are more than %d items, or %d values of them; evaluate a sample", MaxItems, maxCells)
	}
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%s is %v; only a finite number can be judged", t.Metrics[i], v)
		}
		t.values[i] = append(t.values[i], v)
	}
	for i, text := range labels {
		id, err := t.intern(text)
		if err != nil {
			return fmt.Errorf("label %s: %w", t.Labels[i], err)
		}
		t.labels[i] = append(t.labels[i], id)
	}
	t.keys = append(t.keys, key)
	return nil
}

func (t *Table) intern(text string) (int32, error) {
	if id, ok := t.known[text]; ok {
		return id, nil
	}
	if len(text) > maxLabel {
		return 0, fmt.Errorf("%.40q… is longer than %d bytes; name what groups items, not what they say", text, maxLabel)
	}
	if t.limit.texts -= len(text) + 16; t.limit.texts < 0 {
		return 0, fmt.Errorf("the labels take more than %d MiB; name what groups items, not what tells them apart", maxTexts>>20)
	}
	id := int32(len(t.texts)) //nolint:gosec // bounded by maxTexts
	t.texts = append(t.texts, text)
	t.known[text] = id
	return id, nil
}

// Len is the number of items.
func (t *Table) Len() int { return len(t.keys) }

// Seal orders the items by key, those with one key as they were added. It is
// called once, after the last item.
func (t *Table) Seal() {
	t.known = nil
	order := make([]int32, len(t.keys))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(bytes.Compare(t.keys[a][:], t.keys[b][:]), cmp.Compare(a, b))
	})
	t.keys = inOrder(t.keys, order)
	for i := range t.values {
		t.values[i] = inOrder(t.values[i], order)
	}
	for i := range t.labels {
		t.labels[i] = inOrder(t.labels[i], order)
	}
}

func inOrder[T any](column []T, order []int32) []T {
	sorted := make([]T, len(order))
	for i, from := range order {
		sorted[i] = column[from]
	}
	return sorted
}

// Series is one metric of the table, and whether it has it.
func (t *Table) Series(metric string) (Series, bool) {
	at := slices.Index(t.Metrics, metric)
	if at < 0 {
		return Series{}, false
	}
	s := Series{keys: t.keys, Values: t.values[at], labels: make(map[string]column, len(t.Labels))}
	for i, name := range t.Labels {
		s.labels[name] = column{ids: t.labels[i], texts: t.texts}
	}
	return s, true
}
