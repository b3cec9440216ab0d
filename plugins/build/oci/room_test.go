package oci

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stagegate/stagegate/sdk"
)

// What cannot fit is not begun.
func TestLayoutWithoutRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opened := false
	_, err := layout(t, dir, "").Blob(t.Context(), Source{Name: "weights", Size: 1 << 60, Open: func(context.Context) (io.ReadCloser, error) {
		opened = true
		return nil, errors.New("it was read")
	}})
	var f *sdk.Failure
	if !errors.As(err, &f) || f.Class != "no_room" || f.Detail == "" || opened {
		t.Errorf("%v, opened: %t", err, opened)
	}
	for _, name := range []string{"blobs/sha256", ingestFolder} {
		if left, err := os.ReadDir(filepath.Join(dir, name)); err != nil || len(left) > 0 {
			t.Errorf("%s: %v, %v", name, left, err)
		}
	}
}
