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

// keptResult is a store with one result, and the path of its file.
func keptResult(t *testing.T) (s *runstate.FileStore, path string) {
	t.Helper()
	s = openStore(t, t.TempDir())
	if err := s.Results().Put(runstatetest.Result("a", 1)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(s.Home(), "results", "*", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %q, %v", files, err)
	}
	return s, files[0]
}

// Whatever is done to a kept result, it is never taken for another.
func TestDamagedResults(t *testing.T) {
	t.Parallel()
	_, path := keptResult(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string][]byte{"empty": {}, "garbage": []byte("garbage\n{}"), "half": whole[:len(whole)/2]}
	for at := 0; at < len(whole); at += 7 {
		flipped := append([]byte(nil), whole...)
		flipped[at] ^= 1
		damages["byte "+string(rune('0'+at%10))+strings.Repeat("'", at/10)] = flipped
	}
	for name, content := range damages {
		s, path := keptResult(t)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var damaged *runstate.DamagedError
		if _, err := s.Results().Find("scope", "a", runstatetest.Key(1)); !errors.As(err, &damaged) || damaged.Path != path {
			t.Errorf("%s: Find = %v, want a DamagedError", name, err)
		}
		if _, err := s.Results().Latest("scope", "a"); !errors.As(err, &damaged) {
			t.Errorf("%s: Latest = %v, want a DamagedError", name, err)
		}
		list, err := s.Results().List()
		if err != nil || len(list) != 1 || list[0].Damage == nil || list[0].Stage != "" {
			t.Errorf("%s: List = %+v, %v", name, list, err)
		}
		if n, err := s.Results().Prune(runstate.ResultLimits{Now: time.Now(), Damaged: true}); err != nil || n != 1 {
			t.Errorf("%s: Prune = %d, %v", name, n, err)
		}
	}
}

// A result in another one's place is not that one.
func TestMovedResult(t *testing.T) {
	t.Parallel()
	s, path := keptResult(t)
	var damaged *runstate.DamagedError
	moved := filepath.Join(filepath.Dir(path), strings.TrimPrefix(runstatetest.Key(2), "sha256:")+".json")
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Results().Find("scope", "a", runstatetest.Key(2)); !errors.As(err, &damaged) {
		t.Errorf("with another key: %v", err)
	}
	if err := s.Results().Put(runstatetest.Result("b", 1)); err != nil {
		t.Fatal(err)
	}
	shelves, err := filepath.Glob(filepath.Join(s.Home(), "results", "*", filepath.Base(path)))
	if err != nil || len(shelves) != 1 {
		t.Fatalf("%q, %v", shelves, err)
	}
	if err := os.Rename(shelves[0], moved); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Results().Latest("scope", "a"); !errors.As(err, &damaged) {
		t.Errorf("of another stage: %v", err)
	}
}

func TestResultsAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	s, path := keptResult(t)
	if _, err := s.Results().Secret(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, filepath.Join(s.Home(), "results", "secret")} {
		if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
}

// What a killed writer left goes, once it belongs to nobody.
func TestUnfinishedResultsAreSwept(t *testing.T) {
	t.Parallel()
	s, path := keptResult(t)
	old, fresh := filepath.Join(filepath.Dir(path), ".part-old"), filepath.Join(filepath.Dir(path), ".part-new")
	for _, name := range []string{old, fresh} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(old, past, past); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Results().Prune(runstate.ResultLimits{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old one is there: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("one that is being written was removed: %v", err)
	}
}

func TestSecretThatWasCutOffIsReplaced(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	if err := os.WriteFile(filepath.Join(s.Home(), "results", "secret"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := s.Results().Secret()
	if err != nil || len(first) < 32 {
		t.Fatalf("%q, %v", first, err)
	}
	if second, err := s.Results().Secret(); err != nil || string(second) != string(first) {
		t.Errorf("it changes: %v", err)
	}
}

func TestTooLargeAResultIsNotKept(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	r := runstatetest.Result("a", 1)
	r.Outputs = make([]byte, 16<<20)
	if err := s.Results().Put(r); err == nil {
		t.Error("it is kept, and could not be read again")
	}
}
