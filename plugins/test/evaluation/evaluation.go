package evaluation

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stagegate/stagegate/plugins/test/sample"
)

// Bounds of one evaluation. The runner keeps as many metrics.
const (
	MaxMetrics = 1_000
	MaxName    = 200 // bytes
	maxUnit    = 64
)

// File is one file of an evaluation, wherever it is kept.
type File struct {
	Name string // for messages
	Open func() (io.ReadCloser, error)
}

// Direction says which values of a metric are better.
type Direction string

// The directions.
const (
	Unstated Direction = ""
	Higher   Direction = "higher"
	Lower    Direction = "lower"
)

// Metric is one number that was measured.
type Metric struct {
	Name    string // unique; thresholds use it
	Value   float64
	Unit    string
	Samples int64    // 0 when not known
	StdErr  *float64 // when the tool gives one
	Better  Direction
	// Setup is how it was measured, by the tool's own words such as n-shot. A
	// value with another setup answers another question.
	Setup map[string]string
	// Parts are the metrics whose items together are this one's: itself, or
	// those of the tasks of a group.
	Parts []string
}

// Evaluation is everything about one model.
type Evaluation struct {
	Metrics []Metric // sorted by name
	Tables  []*sample.Table
	// Unusable says of metrics that a tool named without a finite number what
	// is wrong with them. They matter only to who asks for them.
	Unusable map[string]error
}

// Add appends a metric.
func (e *Evaluation) Add(m Metric) error {
	if err := checkName(m); err != nil {
		return err
	}
	if len(e.Metrics) == MaxMetrics {
		return fmt.Errorf("there are more than %d metrics; evaluate fewer tasks at a time", MaxMetrics)
	}
	at, found := e.search(m.Name)
	if found {
		return fmt.Errorf("metric %q is there twice", m.Name)
	}
	e.Metrics = slices.Insert(e.Metrics, at, m)
	return nil
}

// Refuse notes what is wrong with a metric.
func (e *Evaluation) Refuse(name string, err error) {
	if e.Unusable == nil {
		e.Unusable = make(map[string]error)
	}
	if len(e.Unusable) < MaxMetrics {
		e.Unusable[name] = err
	}
}

// Find is a metric by its name, and whether there is one.
func (e *Evaluation) Find(name string) (Metric, bool) {
	at, found := e.search(name)
	if !found {
		return Metric{}, false
	}
	return e.Metrics[at], true
}

func (e *Evaluation) search(name string) (int, bool) {
	return slices.BinarySearchFunc(e.Metrics, name, func(m Metric, name string) int { return strings.Compare(m.Name, name) })
}

// Series are the items of a metric, and whether all of its parts have them.
func (e *Evaluation) Series(name string) (sample.Series, bool) {
	m, ok := e.Find(name)
	if !ok {
		return sample.Series{}, false
	}
	parts := m.Parts
	if len(parts) == 0 {
		parts = []string{name}
	}
	var found []sample.Series
	for _, part := range parts {
		s, ok := e.part(part)
		if !ok {
			return sample.Series{}, false
		}
		found = append(found, s)
	}
	if len(found) == 1 {
		return found[0], true
	}
	return sample.Pool(found), true
}

func (e *Evaluation) part(name string) (sample.Series, bool) {
	for _, t := range e.Tables {
		if s, ok := t.Series(name); ok {
			return s, s.Len() > 0
		}
	}
	return sample.Series{}, false
}

// Differences names what two setups do not have in common, with both values.
func Differences(candidate, baseline map[string]string) []string {
	names := make(map[string]bool)
	for name := range candidate {
		names[name] = true
	}
	for name := range baseline {
		names[name] = true
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		here, there := stated(candidate, name), stated(baseline, name)
		if here != there {
			found = append(found, fmt.Sprintf("%s is %s, in the baseline %s", name, here, there))
		}
	}
	return found
}

func stated(setup map[string]string, name string) string {
	if v, ok := setup[name]; ok {
		return v
	}
	return "not stated"
}

// checkName keeps names and units fit for one line of a terminal.
func checkName(m Metric) error {
	switch {
	case m.Name == "":
		return fmt.Errorf("a metric has an empty name")
	case len(m.Name) > MaxName:
		return fmt.Errorf("metric %.60q…: its name is longer than %d bytes", m.Name, MaxName)
	case len(m.Unit) > maxUnit:
		return fmt.Errorf("metric %q: its unit is longer than %d bytes", m.Name, maxUnit)
	}
	for _, r := range m.Name + m.Unit {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return fmt.Errorf("metric %q: its name or unit has a character that cannot be printed", m.Name)
		}
	}
	return nil
}
