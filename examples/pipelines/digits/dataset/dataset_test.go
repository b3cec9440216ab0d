package dataset_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"digits.example/dataset"
)

func TestLoadAndSplit(t *testing.T) {
	t.Parallel()
	rows, err := dataset.Load("../data/digits.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	train, heldOut := dataset.Split(rows)
	if len(train) != 1347 || len(heldOut) != 450 {
		t.Errorf("the split is %d and %d rows", len(train), len(heldOut))
	}
	again, _ := dataset.Split(rows)
	if !reflect.DeepEqual(train, again) {
		t.Error("the split differs the second time")
	}
	// No held-out row may be one that the model has learnt from.
	seen := make(map[*float32]bool)
	for _, row := range train {
		seen[&row.Ink[0]] = true
	}
	for _, row := range heldOut {
		if seen[&row.Ink[0]] {
			t.Fatal("a held-out row is among the training rows")
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	row := strings.Repeat("0,", dataset.Pixels)
	for name, tt := range map[string]struct{ text, want string }{
		"too few":      {"1,2,3\n", "wrong number of fields"},
		"not a number": {row + "x\n", "row 1"},
		"not a digit":  {row + "1\n" + row + "10\n", "row 2: 10 is not a digit"},
		"too much ink": {"17," + row[2:] + "1\n", "pixel 0 is 17"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			if _, err := z.Write([]byte(tt.text)); err != nil {
				t.Fatal(err)
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "data.csv.gz")
			if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := dataset.Load(path); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
		})
	}
}
