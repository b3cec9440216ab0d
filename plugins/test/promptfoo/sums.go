package promptfoo

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stagegate/stagegate/plugins/test/document"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/sample"
)

// maxTasks bounds providers times prompts.
const maxTasks = 200

// sums gathers results by task.
type sums struct {
	labels          []string
	limit           *sample.Limit
	tasks           map[string]*task
	results, passed int
}

// task is one provider with one prompt.
type task struct {
	name  string
	table *sample.Table            // pass_rate and score
	named map[string]*sample.Table // each named score has items of its own
}

func newSums(labels []string) sums {
	return sums{labels: labels, limit: sample.NewLimit(), tasks: make(map[string]*task)}
}

// add takes one result.
func (s *sums) add(v document.Value) error {
	success, err := boolean(v, "success")
	if err != nil {
		return err
	}
	score, ok := v.Get("score")
	if !ok {
		return v.Missing("score")
	}
	points, err := score.Float()
	if err != nil {
		return err
	}
	key, err := keyOf(v)
	if err != nil {
		return err
	}
	texts, err := evaluation.Labels(v, s.labels)
	if err != nil {
		return err
	}
	t, err := s.task(v)
	if err != nil {
		return err
	}
	if s.results++; success == 1 {
		s.passed++
	}
	if err := t.table.Add(key, []float64{success, points}, texts); err != nil {
		return err
	}
	named, _ := v.Get("namedScores")
	for name, n := range named.Members() {
		f, err := n.Float()
		if err != nil {
			return err
		}
		table, err := t.score(name, s)
		if err != nil {
			return err
		}
		if err := table.Add(key, []float64{f}, texts); err != nil {
			return err
		}
	}
	return nil
}

// keyOf identifies a test by what is asked: the same variables are the same
// test, whatever its place in the file. Without variables its place is all there is.
func keyOf(v document.Value) (sample.Key, error) {
	if vars, ok := v.Get("vars"); ok && vars.Kind() == document.Object {
		words := []string{"vars"}
		members := maps.Collect(vars.Members())
		for _, name := range slices.Sorted(maps.Keys(members)) {
			words = append(words, name, string(members[name].Raw()))
		}
		if len(words) > 1 {
			return sample.KeyOf(words...), nil
		}
	}
	index, ok := v.Get("testIdx")
	if !ok {
		return sample.Key{}, v.Missing("testIdx")
	}
	return sample.KeyOf("testIdx", string(index.Raw())), nil
}

func (s *sums) task(v document.Value) (*task, error) {
	provider, err := label(v, "provider", "id")
	if err != nil {
		return nil, err
	}
	prompt, err := label(v, "prompt", "raw")
	if err != nil {
		return nil, err
	}
	name := provider + "/" + prompt
	if t, ok := s.tasks[name]; ok {
		return t, nil
	}
	if len(s.tasks) == maxTasks {
		return nil, fmt.Errorf("there are more than %d providers with prompts", maxTasks)
	}
	t := &task{name: name, named: make(map[string]*sample.Table)}
	if t.table, err = sample.NewTable([]string{name + "/pass_rate", name + "/score"}, s.labels, s.limit); err != nil {
		return nil, err
	}
	s.tasks[name] = t
	return t, nil
}

func (t *task) score(name string, s *sums) (*sample.Table, error) {
	if table, ok := t.named[name]; ok {
		return table, nil
	}
	if len(t.named) == evaluation.MaxMetrics {
		return nil, fmt.Errorf("there are more than %d named scores", evaluation.MaxMetrics)
	}
	table, err := sample.NewTable([]string{t.name + "/" + name}, s.labels, s.limit)
	t.named[name] = table
	return table, err
}

// label is what people call a provider or prompt: its label, or else its other
// name. The label of a prompt may be all of it.
func label(v document.Value, of, other string) (string, error) {
	found, ok := v.Get(of)
	if !ok {
		return "", v.Missing(of)
	}
	if found.Kind() == document.Text {
		text, err := found.Text()
		return brief(text), err
	}
	for _, name := range []string{"label", other} {
		if text, ok := found.Get(name); ok && text.Kind() == document.Text && len(text.Raw()) > 2 {
			text, err := text.Text()
			return brief(text), err
		}
	}
	return "", found.Missing("label")
}

// brief is a text as a part of a name: short ones as they are, of others the
// beginning, and enough of a digest to tell them apart.
func brief(text string) string {
	const most = 60
	if len(text) <= most && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	line := strings.Join(strings.Fields(text[:min(len(text), 2*most)]), " ")
	line = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, line[:min(len(line), most-12)])
	return line + "…" + hex.EncodeToString(sum[:4])
}

func boolean(v document.Value, name string) (float64, error) {
	found, ok := v.Get(name)
	if !ok {
		return 0, v.Missing(name)
	}
	switch string(found.Raw()) {
	case "true":
		return 1, nil
	case "false":
		return 0, nil
	}
	return 0, found.Errorf("it is %s, not true or false", found.Kind())
}

// evaluation makes metrics of what was gathered.
func (s *sums) evaluation() (*evaluation.Evaluation, error) {
	e := &evaluation.Evaluation{}
	for _, name := range slices.Sorted(maps.Keys(s.tasks)) {
		t := s.tasks[name]
		tables := []*sample.Table{t.table}
		for _, score := range slices.Sorted(maps.Keys(t.named)) {
			tables = append(tables, t.named[score])
		}
		for _, table := range tables {
			if err := s.publish(e, t, table); err != nil {
				return nil, err
			}
		}
	}
	if len(e.Metrics) == 0 {
		return nil, errors.New("it holds no result")
	}
	return e, nil
}

func (s *sums) publish(e *evaluation.Evaluation, t *task, table *sample.Table) error {
	if len(s.tasks) == 1 {
		for i, name := range table.Metrics {
			table.Metrics[i] = name[len(t.name)+1:]
		}
	}
	table.Seal()
	e.Tables = append(e.Tables, table)
	for _, name := range table.Metrics {
		series, _ := table.Series(name)
		m := evaluation.Metric{Name: name, Value: series.Mean(), Samples: int64(series.Len()), Better: evaluation.Higher}
		if err := e.Add(m); err != nil {
			return err
		}
	}
	return nil
}
