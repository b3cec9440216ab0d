package eval

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A stage that is cancelled does not read a million rows to their end.
func TestReadingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rows.jsonl"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	var w watches
	if err := w.existing(dir, []string{"rows.jsonl"}); err != nil {
		t.Fatal(err)
	}
	defer w.close()
	files, err := w.files(ctx)
	if err != nil {
		t.Fatal(err)
	}
	in, err := files[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := io.ReadFull(in, make([]byte, 1<<10)); err != nil {
		t.Fatal(err)
	}
	why := errors.New("somebody said stop")
	cancel(why)
	if _, err := io.ReadAll(in); !errors.Is(err, why) {
		t.Errorf("error is %v, want %v", err, why)
	}
}
