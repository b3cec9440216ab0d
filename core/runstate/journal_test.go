package runstate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/event"
)

// memoryFile is a journal file whose writes can be made to fail or wait.
type memoryFile struct {
	bytes.Buffer
	limit   int           // bytes that fit; 0 means any number
	syncErr error         // of every Sync
	entered chan struct{} // told when a Sync begins, if not nil
	release chan struct{} // a Sync waits for it, if not nil
	syncs   int
}

func (f *memoryFile) Write(p []byte) (int, error) {
	if f.limit > 0 && f.Len()+len(p) > f.limit {
		n, _ := f.Buffer.Write(p[:max(0, f.limit-f.Len())])
		return n, &os.PathError{Op: "write", Path: "journal", Err: syscall.ENOSPC}
	}
	return f.Buffer.Write(p)
}

func (f *memoryFile) Sync() error {
	f.syncs++
	if f.entered != nil {
		f.entered <- struct{}{}
		<-f.release
	}
	return f.syncErr
}

func (f *memoryFile) Truncate(size int64) error {
	f.Buffer.Truncate(int(size))
	return nil
}

func (f *memoryFile) Seek(int64, int) (int64, error) { return 0, nil }

func (f *memoryFile) Close() error { return nil }

func newJournal(f *memoryFile, makeRoom func() bool) *journal {
	if makeRoom == nil {
		makeRoom = func() bool { return false }
	}
	return &journal{path: "journal", file: f, chain: newChain("r"), makeRoom: makeRoom}
}

func stageEvent(name string) event.Event { return event.Event{Type: event.StageFinished, Stage: name} }

// stagesIn reads a journal back.
func stagesIn(t *testing.T, data []byte) []string {
	t.Helper()
	s, err := readJournal("r", bytes.NewReader(data))
	if err != nil || s.torn != 0 {
		t.Fatalf("read: %v, %d bytes torn", err, s.torn)
	}
	var out []string
	for _, e := range s.events {
		out = append(out, e.Stage)
	}
	return out
}

func TestConcurrentAppendsShareOneSync(t *testing.T) {
	t.Parallel()
	f := &memoryFile{entered: make(chan struct{}), release: make(chan struct{})}
	j := newJournal(f, nil)
	var all sync.WaitGroup
	add := func(name string) {
		all.Go(func() {
			if err := j.append(t.Context(), true, stageEvent(name)); err != nil {
				t.Error(err)
			}
		})
	}
	add("first")
	<-f.entered // its sync is on its way; what comes now is collected
	for i := range 50 {
		add(fmt.Sprint(i))
	}
	for collected := 0; collected < 50; {
		j.mu.Lock()
		if j.next != nil {
			collected = len(j.next.bodies)
		}
		j.mu.Unlock()
	}
	f.release <- struct{}{}
	<-f.entered
	f.release <- struct{}{}
	all.Wait()
	if f.syncs != 2 {
		t.Errorf("%d syncs for 51 appends, want 2", f.syncs)
	}
	if got := stagesIn(t, f.Bytes()); len(got) != 51 || got[0] != "first" {
		t.Errorf("%d events, the first of %q", len(got), got[0])
	}
}

func TestFullDiskGivesUpTheBallast(t *testing.T) {
	t.Parallel()
	f := &memoryFile{limit: 600}
	dropped := 0
	j := newJournal(f, func() bool {
		dropped++
		f.limit += 2000
		return dropped == 1
	})
	var full *DiskFullError
	kept := 0
	for full == nil {
		if err := j.append(t.Context(), true, stageEvent("s")); err != nil && !errors.As(err, &full) {
			t.Fatal(err)
		}
		kept++
	}
	if !full.Recorded || !errors.Is(full, syscall.ENOSPC) || !strings.Contains(full.Error(), "journal") {
		t.Errorf("error = %v, recorded: %t", full, full.Recorded)
	}
	if err := j.append(t.Context(), true, stageEvent("end")); err != nil {
		t.Errorf("the end cannot be recorded: %v", err)
	}
	if got := stagesIn(t, f.Bytes()); len(got) != kept+1 || got[kept] != "end" {
		t.Errorf("%d events are there, want %d", len(got), kept+1)
	}
}

func TestFullDiskWithoutBallastCanRecover(t *testing.T) {
	t.Parallel()
	f := &memoryFile{limit: 300}
	j := newJournal(f, nil)
	if err := j.append(t.Context(), true, stageEvent("a")); err != nil {
		t.Fatal(err)
	}
	var full *DiskFullError
	if err := j.append(t.Context(), true, stageEvent("lost")); !errors.As(err, &full) || full.Recorded {
		t.Fatalf("append = %v", err)
	}
	f.limit = 0 // somebody has made room
	if err := j.append(t.Context(), true, stageEvent("b")); err != nil {
		t.Fatal(err)
	}
	if got := stagesIn(t, f.Bytes()); strings.Join(got, " ") != "a b" {
		t.Errorf("events of %v", got)
	}
}

// A note is lost from the file when the disk fills up before it is durable; it
// must come back with what is written next, in its place.
func TestNotesSurviveAFullDisk(t *testing.T) {
	t.Parallel()
	f := &memoryFile{limit: 500}
	j := newJournal(f, nil)
	if err := j.append(t.Context(), true, stageEvent("a")); err != nil {
		t.Fatal(err)
	}
	if err := j.append(t.Context(), false, stageEvent("noted")); err != nil {
		t.Fatal(err)
	}
	var full *DiskFullError
	if err := j.append(t.Context(), true, stageEvent("lost")); !errors.As(err, &full) || full.Recorded {
		t.Fatalf("append = %v", err)
	}
	f.limit = 0
	if err := j.append(t.Context(), true, stageEvent("b")); err != nil {
		t.Fatal(err)
	}
	if got := stagesIn(t, f.Bytes()); strings.Join(got, " ") != "a noted b" {
		t.Errorf("events of %v", got)
	}
}

func TestNotesCostNoSync(t *testing.T) {
	t.Parallel()
	f := &memoryFile{}
	j := newJournal(f, nil)
	for range 3 {
		if err := j.append(t.Context(), false, stageEvent("noted")); err != nil {
			t.Fatal(err)
		}
	}
	if f.syncs != 0 {
		t.Errorf("%d syncs for notes", f.syncs)
	}
	if err := j.close(); err != nil || f.syncs != 1 {
		t.Errorf("%d syncs after close, %v", f.syncs, err)
	}
}

func TestNothingFollowsAFailedSync(t *testing.T) {
	t.Parallel()
	f := &memoryFile{syncErr: syscall.EIO}
	j := newJournal(f, nil)
	for range 2 {
		if err := j.append(t.Context(), true, stageEvent("a")); !errors.Is(err, syscall.EIO) {
			t.Errorf("append = %v, want EIO", err)
		}
		f.syncErr = nil
	}
	if f.syncs != 1 {
		t.Errorf("%d syncs after one had failed", f.syncs)
	}
}

func TestTooLargeAnEventIsRefusedAlone(t *testing.T) {
	t.Parallel()
	f := new(memoryFile)
	j := newJournal(f, nil)
	huge := event.Event{Type: event.StageHandle, Handle: make([]byte, maxEvent)}
	if err := j.append(t.Context(), true, huge); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("append = %v", err)
	}
	if err := j.append(t.Context(), true, stageEvent("a")); err != nil {
		t.Fatal(err)
	}
	if got := stagesIn(t, f.Bytes()); len(got) != 1 {
		t.Errorf("events of %v", got)
	}
}

func TestOverlongLineIsDamage(t *testing.T) {
	t.Parallel()
	endless := io.LimitReader(zeros{}, maxRecord+100)
	var corrupt *CorruptError
	if _, err := readJournal("r", endless); !errors.As(err, &corrupt) || corrupt.Record != 1 {
		t.Errorf("read = %v, want record 1 named", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestBallastOnARealDisk fills a store's ballast and gives it up.
func TestBallastOnARealDisk(t *testing.T) {
	t.Parallel()
	s, err := OpenFileStore(FileOptions{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.fillBallast(); err != nil {
			t.Fatal(err)
		}
	}
	var stat syscall.Stat_t
	if err := syscall.Stat(s.ballast(), &stat); err != nil || stat.Size != ballastSize {
		t.Fatalf("ballast has %d bytes, %v", stat.Size, err)
	}
	if !s.dropBallast() || s.dropBallast() {
		t.Error("the ballast is not given up exactly once")
	}
	if left, err := filepath.Glob(filepath.Join(s.home, "ballast*")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// FuzzReadJournal checks that any input is read without a panic, that what is
// accepted is exactly what would be written, and that damage names its record.
func FuzzReadJournal(f *testing.F) {
	file := new(memoryFile)
	j := newJournal(file, nil)
	for i := range 3 {
		if err := j.append(f.Context(), true, stageEvent(fmt.Sprint(i))); err != nil {
			f.Fatal(err)
		}
	}
	whole := bytes.Clone(file.Bytes())
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(whole[:len(whole)/2])
	f.Add(bytes.ToUpper(whole))
	f.Add([]byte("\n"))
	f.Add([]byte(`{"seq":1,"prev":"","hash":"","event":{}}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := readJournal("r", bytes.NewReader(data))
		var corrupt *CorruptError
		if err != nil && (!errors.As(err, &corrupt) || corrupt.Record != len(s.events)+1 || corrupt.Offset != s.whole) {
			t.Fatalf("error %v after %d records", err, len(s.events))
		}
		if err == nil && s.whole+s.torn != int64(len(data)) {
			t.Fatalf("%d bytes whole and %d torn of %d", s.whole, s.torn, len(data))
		}
		// Whoever does not know the hash of a record cannot make another in its
		// place: what is accepted is a beginning of what was written.
		if len(s.events) > 0 && !bytes.HasPrefix(whole, data[:s.whole]) && !honest(data[:s.whole]) {
			t.Fatalf("accepted %q", data[:s.whole])
		}
	})
}

// honest reports whether every record has its own hash: somebody who computes
// hashes can write a journal, which a signed head would show.
func honest(data []byte) bool {
	c := newChain("r")
	for line := range bytes.Lines(data) {
		if _, err := c.read(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return false
		}
	}
	return true
}

func BenchmarkAppend(b *testing.B) {
	s, err := OpenFileStore(FileOptions{Home: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	r, err := s.Create(b.Context(), NewID(time.Now()))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	b.Run("series", func(b *testing.B) {
		for b.Loop() {
			if err := r.Append(b.Context(), stageEvent("s")); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.SetParallelism(50)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := r.Append(b.Context(), stageEvent("s")); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
