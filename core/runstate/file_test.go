package runstate_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/runstate/runstatetest"
)

func openStore(t *testing.T, home string) *runstate.FileStore {
	t.Helper()
	s, err := runstate.OpenFileStore(runstate.FileOptions{Home: home})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFileStoreConforms(t *testing.T) {
	t.Parallel()
	runstatetest.Run(t, func(t *testing.T) func() runstate.Store {
		home := filepath.Join(t.TempDir(), "state", "stagegate")
		return func() runstate.Store { return openStore(t, home) }
	})
}

// newRun is a finished run with n events, and the path of its journal.
func newRun(t *testing.T, n int) (s *runstate.FileStore, id, journal string) {
	t.Helper()
	s = openStore(t, t.TempDir())
	r, err := s.Create(t.Context(), runstate.NewID(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := r.Append(t.Context(), runstatetest.Event(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return s, r.ID(), filepath.Join(s.Home(), "runs", r.ID(), "journal.jsonl")
}

func TestAFlippedByteNamesItsRecord(t *testing.T) {
	t.Parallel()
	s, id, path := newRun(t, 3)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	record := 1
	for at := range data {
		damaged := append([]byte(nil), data...)
		damaged[at] ^= 0x01
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := s.Read(t.Context(), id)
		var corrupt *runstate.CorruptError
		if !errors.As(err, &corrupt) {
			t.Fatalf("byte %d: %v, want a *CorruptError", at, err)
		}
		if corrupt.Record != record || len(h.Events) != record-1 {
			t.Fatalf("byte %d is in record %d, but record %d is named after %d good ones", at, record, corrupt.Record, len(h.Events))
		}
		if !strings.Contains(err.Error(), id) {
			t.Fatalf("the error does not name the run: %v", err)
		}
		if data[at] == '\n' {
			record++
		}
	}
}

func TestATornEndIsLeftOut(t *testing.T) {
	t.Parallel()
	s, id, path := newRun(t, 3)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	third := strings.LastIndexByte(string(data[:len(data)-1]), '\n') + 1
	for at := third; at < len(data)-1; at++ {
		if err := os.WriteFile(path, data[:at], 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := s.Read(t.Context(), id)
		if err != nil || len(h.Events) != 2 || h.Torn != int64(at-third) {
			t.Fatalf("cut at %d: %d events, %d bytes torn, %v", at, len(h.Events), h.Torn, err)
		}
	}
	r, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Append(t.Context(), runstatetest.Event(2)), r.Close()); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(path); err != nil || string(again) != string(data) {
		t.Errorf("the journal that went on after the torn end differs: %v\n%s", err, again)
	}
}

func TestRecordsCannotBeMovedOrRemoved(t *testing.T) {
	t.Parallel()
	s, id, path := newRun(t, 4)
	other, otherID, otherPath := newRun(t, 4)
	_ = other
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	foreign, err := os.ReadFile(otherPath)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		content string
		record  int
	}{
		"removed":                {lines[0] + lines[2] + lines[3], 2},
		"swapped":                {lines[0] + lines[2] + lines[1] + lines[3], 2},
		"repeated":               {lines[0] + lines[0], 2},
		"first removed":          {lines[1], 1},
		"empty line":             {lines[0] + "\n" + lines[1], 2},
		"of run " + otherID[:4]:  {string(foreign), 1},
		"space that JSON allows": {strings.Replace(lines[0], `"event":{`, `"event": {`, 1), 1},
	}
	for name, tt := range tests {
		if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := s.Read(t.Context(), id)
		var corrupt *runstate.CorruptError
		if !errors.As(err, &corrupt) || corrupt.Record != tt.record {
			t.Errorf("%s: %v, want record %d named", name, err, tt.record)
		}
		if _, err := s.Open(t.Context(), id); !errors.As(err, &corrupt) {
			t.Errorf("%s: Open = %v, want a *CorruptError", name, err)
		}
	}
}

func TestHomeThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	homes := map[string]string{"empty": "", "below a file": filepath.Join(file, "state"), "a file": file, "in proc": "/proc/stagegate"}
	for name, home := range homes {
		_, err := runstate.OpenFileStore(runstate.FileOptions{Home: home})
		var bad *runstate.HomeError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), "RUNNER_HOME") {
			t.Errorf("%s: %v, want a *HomeError with a remedy", name, err)
		}
	}
}

func TestUnwritableRuns(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	if err := os.RemoveAll(filepath.Join(s.Home(), "runs")); err != nil {
		t.Fatal(err)
	}
	var bad *runstate.HomeError
	if _, err := s.Create(t.Context(), runstate.NewID(time.Now())); !errors.As(err, &bad) {
		t.Errorf("Create = %v, want a *HomeError", err)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	s, id, _ := newRun(t, 1)
	r, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.StageLog("train", 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write([]byte("x"))
	if err := errors.Join(err, w.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Blobs().Put(t.Context(), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(s.Home(), "runs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestHalfWrittenBlobsAreSwept(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	openStore(t, home)
	old, young := filepath.Join(home, "blobs/tmp/put-1"), filepath.Join(home, "blobs/tmp/put-2")
	for _, path := range []string{old, young} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	yesterday := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(old, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	openStore(t, home)
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old one: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("the young one: %v", err)
	}
}

func TestADamagedBlobIsRepairedByStoringIt(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	digest, _, err := s.Blobs().Put(t.Context(), strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.Home(), "blobs", "sha256", strings.TrimPrefix(digest, "sha256:"))
	if err := os.WriteFile(path, []byte("HELLO"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Blobs().Put(t.Context(), strings.NewReader("hello")); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "hello" {
		t.Errorf("blob = %q, %v", data, err)
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 16, 42, 10, 0, time.FixedZone("CET", 3600))
	seen := make(map[string]bool)
	last := ""
	for step := range 200 {
		id := runstate.NewID(at.Add(time.Duration(step) * 4 * time.Millisecond))
		if !strings.HasPrefix(id, "20261123-154210-") || !runstate.ValidID(id) || strings.ContainsAny(id[16:], "01ilou") {
			t.Fatalf("id = %q", id)
		}
		if id <= last {
			t.Errorf("%s is later than %s and sorts first", id, last)
		}
		last = id
		seen[runstate.NewID(at)] = true
	}
	if len(seen) < 100 {
		t.Errorf("only %d different ids of one moment", len(seen))
	}
	if later := runstate.NewID(at.Add(time.Second)); later[:15] <= runstate.NewID(at)[:15] {
		t.Errorf("a later id sorts first: %s", later)
	}
}
