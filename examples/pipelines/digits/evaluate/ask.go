package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"digits.example/dataset"
)

// tally counts rows, and right answers, by digit, and keeps what became of each.
type tally struct {
	rows, right [dataset.Classes]int
	items       []item
}

// item is one line of the samples that test.eval reads.
type item struct {
	ID       string `json:"id"`
	Accuracy bool   `json:"accuracy"` // the metric, for this row
	Digit    int    `json:"digit"`
}

// ask sends every row to the server.
func ask(ctx context.Context, server, digest string, rows []dataset.Row) (*tally, error) {
	var ready struct{ Model string }
	if err := call(ctx, http.MethodGet, server+"/readyz", nil, &ready); err != nil {
		return nil, err
	}
	if ready.Model != digest {
		return nil, fmt.Errorf("the server serves %s, and not %s", ready.Model, digest)
	}
	var t tally
	for i, row := range rows {
		var answer struct{ Digit int }
		if err := call(ctx, http.MethodPost, server+"/predict", map[string]any{"ink": row.Ink}, &answer); err != nil {
			return nil, err
		}
		t.items = append(t.items, item{ID: fmt.Sprintf("row-%d", i), Accuracy: answer.Digit == row.Digit, Digit: row.Digit})
		t.rows[row.Digit]++
		if answer.Digit == row.Digit {
			t.right[row.Digit]++
		}
	}
	return &t, nil
}

func call(ctx context.Context, method, url string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, url, resp.Status, bytes.TrimSpace(answer))
	}
	return json.Unmarshal(answer, into)
}

// metric is one entry of the JSON that test.eval reads.
type metric struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Samples int     `json:"samples"`
}

// print writes the accuracy, and the recall of each digit.
func (t *tally) print(out io.Writer) error {
	metrics := make([]metric, 1, 1+dataset.Classes)
	rows, right := 0, 0
	for digit := range dataset.Classes {
		rows, right = rows+t.rows[digit], right+t.right[digit]
		metrics = append(metrics, ratio(fmt.Sprintf("recall_%d", digit), t.right[digit], t.rows[digit]))
	}
	metrics[0] = ratio("accuracy", right, rows)
	return json.NewEncoder(out).Encode(map[string]any{"metrics": metrics})
}

// write writes the samples.
func (t *tally) write(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	for _, one := range t.items {
		if err := lines.Encode(one); err != nil {
			return err
		}
	}
	return os.WriteFile(name, text.Bytes(), 0o644)
}

func ratio(name string, right, rows int) metric {
	m := metric{Name: name, Samples: rows}
	if rows > 0 {
		m.Value = float64(right) / float64(rows)
	}
	return m
}
