package lmeval_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/lmeval"
)

// results is what the harness writes, without what does not matter here.
const results = `{
  "results": {
    "reading": {" ": " ", "alias": "reading", "acc,none": 0.5, "acc_stderr,none": 0.2},
    "arc_easy": {"alias": " - arc_easy", "acc,none": 0.5, "acc_stderr,none": 0.5, "acc_norm,none": 0.25, "acc_norm_stderr,none": "N/A"},
    "arc_easy_de": {"alias": " - arc_easy_de", "acc,none": 0.5, "acc_stderr,none": "N/A"},
    "gsm8k": {"alias": "gsm8k", "exact_match,strict-match": 0.5, "exact_match_stderr,strict-match": 0.1, "exact_match,flexible-extract": 1, "perplexity,none": NaN}
  },
  "group_subtasks": {"reading": ["arc_easy", "arc_easy_de"], "arc_easy": [], "gsm8k": []},
  "configs": {"arc_easy": {"task": "arc_easy", "doc_to_text": "Question: {{question}}"}},
  "versions": {"arc_easy": 1.0, "arc_easy_de": 1.0, "gsm8k": 3.0},
  "n-shot": {"arc_easy": 0, "gsm8k": 5},
  "higher_is_better": {"arc_easy": {"acc": true, "acc_norm": true}, "gsm8k": {"exact_match": true, "perplexity": false}, "reading": {"acc": true}},
  "n-samples": {"arc_easy": {"original": 2376, "effective": 2}, "gsm8k": {"original": 1319, "effective": 2}},
  "config": {"model": "hf", "model_args": "pretrained=x", "limit": 2.0, "random_seed": 0},
  "git_hash": "4c1b1e8", "date": 1769850000.0,
  "task_hashes": {"arc_easy": "aa11", "arc_easy_de": "bb22", "gsm8k": "cc33"},
  "chat_template_sha": null, "system_instruction_sha": "dd44", "fewshot_as_multiturn": false
}`

const arc = `{"doc_id": 0, "doc": {"id": "q1", "topic": "geology"}, "target": "3", "resps": [[[-Infinity, false]]], "filter": "none", "metrics": ["acc", "acc_norm"], "doc_hash": "h1", "prompt_hash": "p1", "target_hash": "t1", "acc": 1.0, "acc_norm": 0.5}
{"doc_id": 1, "doc": {"id": "q2", "topic": "physics"}, "target": "1", "resps": [[[-3.5, false]]], "filter": "none", "metrics": ["acc", "acc_norm"], "doc_hash": "h2", "prompt_hash": "p2", "target_hash": "t2", "acc": 0.0, "acc_norm": 0.0}
`

const arcGerman = `{"doc": {"topic": "geology"}, "filter": "none", "doc_hash": "h1", "acc": true}
{"doc": {"topic": "geology"}, "filter": "none", "doc_hash": "h3", "acc": false}
`

const gsm = `{"doc": {"topic": "m"}, "filter": "strict-match", "doc_hash": "g1", "exact_match": 1.0, "perplexity": [-2.5, 7]}
{"doc": {"topic": "m"}, "filter": "strict-match", "doc_hash": "g2", "exact_match": 0.0, "perplexity": [-2.5, 7]}
{"doc": {"topic": "m"}, "filter": "flexible-extract", "doc_hash": "g1", "exact_match": 1.0}
{"doc": {"topic": "m"}, "filter": "flexible-extract", "doc_hash": "g2", "exact_match": 1.0}
`

func file(name, text string) evaluation.File {
	return evaluation.File{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func samples() []evaluation.File {
	return []evaluation.File{
		file("out/m/samples_arc_easy_2026-01-31T10-00-00.123456.jsonl", arc),
		file("out/m/samples_arc_easy_de_2026-01-31T10-00-00.123456.jsonl", arcGerman),
		file("out/m/samples_gsm8k_2026-01-31T10-00-00.123456.jsonl", gsm),
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	e, err := lmeval.Read(file("results.json", results), samples(), []string{"doc.topic"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range e.Metrics {
		names = append(names, m.Name)
	}
	want := []string{"arc_easy/acc", "arc_easy/acc_norm", "arc_easy_de/acc", "gsm8k/exact_match,flexible-extract", "gsm8k/exact_match,strict-match", "reading/acc"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	acc, _ := e.Find("arc_easy/acc")
	stdErr := 0.5
	if diff := cmp.Diff(evaluation.Metric{
		Name: "arc_easy/acc", Value: 0.5, Samples: 2, StdErr: &stdErr, Better: evaluation.Higher, Parts: []string{"arc_easy/acc"},
		Setup: map[string]string{"task_hash": "aa11", "version": "1.0", "n-shot": "0", "limit": "2.0", "system_instruction_sha": "dd44", "fewshot_as_multiturn": "false"},
	}, acc); diff != "" {
		t.Errorf("metric (-want +got):\n%s", diff)
	}
	if norm, _ := e.Find("arc_easy/acc_norm"); norm.StdErr != nil {
		t.Error(`"N/A" became a standard error`)
	}
	if err := e.Unusable["gsm8k/perplexity"]; err == nil || !strings.Contains(err.Error(), `line 6: results.gsm8k["perplexity,none"]: it is NaN`) {
		t.Errorf("perplexity: %v", err)
	}
	s, ok := e.Series("gsm8k/exact_match,strict-match")
	if !ok || s.Len() != 2 || s.Mean() != 0.5 {
		t.Errorf("series has %d items, mean %g", s.Len(), s.Mean())
	}
	// A group's items are those of its tasks.
	pooled, ok := e.Series("reading/acc")
	if !ok || pooled.Len() != 4 || pooled.Mean() != 0.5 {
		t.Errorf("the group has %d items, mean %g", pooled.Len(), pooled.Mean())
	}
	topics, ok := pooled.Slices("doc.topic")
	if !ok || len(topics) != 2 || topics[0].Name != "geology" || len(topics[0].At) != 3 {
		t.Errorf("slices are %+v", topics)
	}
}

// Before version 0.4, keys had no filter.
func TestReadOldResults(t *testing.T) {
	t.Parallel()
	e, err := lmeval.Read(file("results.json", `{"results": {"arc": {"acc": 0.25, "acc_stderr": 0.01}}}`), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := e.Find("arc/acc"); !ok || m.Value != 0.25 || m.StdErr == nil {
		t.Errorf("metrics are %+v", e.Metrics)
	}
	if _, ok := e.Series("arc/acc"); ok {
		t.Error("there are items without samples")
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	row := func(text string) []evaluation.File {
		return []evaluation.File{file("s/samples_arc_easy_x.jsonl", text)}
	}
	tests := map[string]struct {
		results string
		samples []evaluation.File
		want    string
	}{
		"no results":        {`{"configs": {}}`, nil, `read results.json: line 1: it has no "results"`},
		"results are list":  {`{"results": []}`, nil, "line 1: results: it is an array"},
		"task is a number":  {`{"results": {"arc": 1}}`, nil, "results.arc: it is a number"},
		"no metric":         {`{"results": {"arc": {"alias": "arc"}}}`, nil, "it holds no metric"},
		"cut off":           {results[:400], nil, "ends in the middle"},
		"twice":             {"{\"results\": {\"arc\": {\"acc,none\": 1,\n\"acc,none\": 0}}}", nil, `line 2: the name "acc,none" is there twice`},
		"hostile name":      {`{"results": {"a\u001b[31m": {"acc,none": 1}}}`, nil, "cannot be printed"},
		"NaN in a row":      {results, row(strings.Replace(arc, `"acc": 0.0`, `"acc": NaN`, 1)), "samples_arc_easy_x.jsonl: line 2: acc: it is NaN"},
		"list in a row":     {results, row(strings.Replace(arc, `"acc": 0.0`, `"acc": [0]`, 1)), "line 2: acc: it is an array"},
		"no value in a row": {results, row(strings.Replace(arc, `"acc": 0.0`, `"acd": 0.0`, 1)), `line 2: it has no "acc"`},
		"no hash":           {results, row(strings.Replace(arc, "doc_hash", "doc_hush", 1)), `line 1: it has no "doc_hash"`},
		"no label":          {results, row(strings.Replace(arc, "topic", "tropic", 1)), `line 1: it has no "doc.topic"`},
		"label is a list":   {results, row(strings.Replace(arc, `"geology"`, `["geology"]`, 1)), "line 1: doc.topic: it is an array"},
		"row is a list":     {results, row("[]"), "line 1: it is an array; a sample is an object"},
		"other filter":      {results, row(strings.Replace(arc, `"filter": "none"`, `"filter": "x"`, 1)), `no metric with the filter "x"`},
		"other task":        {results, []evaluation.File{file("samples_mmlu_x.jsonl", arc)}, "the results have no task of that name"},
		"other name":        {results, []evaluation.File{file("arc.jsonl", arc)}, "is named samples_<task>_<date>.jsonl"},
		"two runs":          {results, append(row(arc), row(arc)...), "has samples of the task \"arc_easy\" already"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := lmeval.Read(file("results.json", tt.results), tt.samples, []string{"doc.topic"})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
		})
	}
}

// A million rows stream: what is held is a part of what is read.
func TestReadAMillionRows(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("reads 400 MB")
	}
	const rows = 1_000_000
	in := &generator{rows: rows, filler: strings.Repeat("long context ", 25)}
	e, err := lmeval.Read(file("results.json", `{"results": {"arc": {"acc,none": 0.5}}}`),
		[]evaluation.File{{Name: "samples_arc_x.jsonl", Open: func() (io.ReadCloser, error) { return io.NopCloser(in), nil }}}, []string{"doc.topic"})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := e.Series("arc/acc")
	if s.Len() != rows || math.Abs(s.Mean()-0.5) > 1e-9 {
		t.Errorf("%d items with mean %g", s.Len(), s.Mean())
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	t.Logf("%d MB read, %d MB held", in.total>>20, m.HeapAlloc>>20)
	if m.HeapAlloc > 100<<20 {
		t.Errorf("%d MiB are held after %d MiB were read", m.HeapAlloc>>20, in.total>>20)
	}
	runtime.KeepAlive(e)
}

// generator writes rows as they are read.
type generator struct {
	rows, next int
	filler     string
	rest       bytes.Buffer
	total      int
}

func (g *generator) Read(p []byte) (int, error) {
	for g.rest.Len() < len(p) && g.next < g.rows {
		fmt.Fprintf(&g.rest, `{"doc_id": %d, "doc": {"text": %q, "topic": "t%d"}, "filter": "none", "doc_hash": "h%d", "acc": %d}`+"\n", g.next, g.filler, g.next%50, g.next, g.next%2)
		g.next++
	}
	n, err := g.rest.Read(p)
	g.total += n
	return n, err
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(results), []byte(arc))
	f.Add([]byte(`{"results":{"arc_easy":{"acc,none":1e999}}}`), []byte("{}"))
	f.Add([]byte(`{"results":{"arc_easy":{"acc,none":1}},"group_subtasks":{"arc_easy":["arc_easy"]}}`), []byte(arc))
	f.Fuzz(func(t *testing.T, results, rows []byte) {
		e, err := lmeval.Read(file("results.json", string(results)), []evaluation.File{file("samples_arc_easy_x.jsonl", string(rows))}, nil)
		if err != nil {
			return
		}
		for _, m := range e.Metrics {
			if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
				t.Errorf("%q is %v", m.Name, m.Value)
			}
			if s, ok := e.Series(m.Name); ok && s.Len() == 0 {
				t.Errorf("%q has a series without items", m.Name)
			}
		}
	})
}
