package proctree

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

const (
	maxStat    = 4 << 10
	maxEnviron = 4 << 20
)

// entry is one live process. A pid with another start time is another process.
type entry struct {
	pid, parent int
	start       uint64
	marked      bool
}

// scan lists the marked processes and their descendants.
func scan(mark Mark) []entry {
	all := make(map[int]entry)
	for _, pid := range pids() {
		if e, ok := read(pid, mark); ok {
			all[pid] = e
		}
	}
	self := os.Getpid()
	delete(all, self)

	children := make(map[int][]int)
	var queue []int
	for pid, e := range all {
		children[e.parent] = append(children[e.parent], pid)
		if e.marked {
			queue = append(queue, pid)
		}
	}
	seen := make(map[int]bool)
	var found []entry
	for len(queue) > 0 {
		pid := queue[0]
		queue = queue[1:]
		if seen[pid] {
			continue
		}
		seen[pid] = true
		found = append(found, all[pid])
		queue = append(queue, children[pid]...)
	}
	return found
}

func find(mark Mark) []int {
	var out []int
	for _, e := range scan(mark) {
		out = append(out, e.pid)
	}
	return out
}

func pids() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = dir.Close() }() // read only: nothing can be lost
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	out := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			out = append(out, pid)
		}
	}
	return out
}

func read(pid int, mark Mark) (entry, bool) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := readBounded(filepath.Join(dir, "stat"), maxStat)
	if err != nil {
		return entry{}, false
	}
	e, ok := parseStat(pid, stat)
	if !ok {
		return entry{}, false
	}
	environ, err := readBounded(filepath.Join(dir, "environ"), maxEnviron)
	e.marked = err == nil && carries(environ, mark)
	return e, true
}

// parseStat reads /proc/<pid>/stat. The command name may hold anything, so
// that the fields are counted from the last parenthesis. Zombies are dead.
func parseStat(pid int, stat []byte) (entry, bool) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return entry{}, false
	}
	const state, parent, start = 0, 1, 19
	fields := bytes.Fields(stat[end+1:])
	if len(fields) <= start || string(fields[state]) == "Z" || string(fields[state]) == "X" {
		return entry{}, false
	}
	ppid, err1 := strconv.Atoi(string(fields[parent]))
	begun, err2 := strconv.ParseUint(string(fields[start]), 10, 64)
	return entry{pid: pid, parent: ppid, start: begun}, err1 == nil && err2 == nil
}

func carries(environ []byte, mark Mark) bool {
	want := []byte(mark.Key + "=" + mark.Value)
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		if bytes.Equal(v, want) || mark.Prefix && bytes.HasPrefix(v, want) {
			return true
		}
	}
	return false
}

func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	return io.ReadAll(io.LimitReader(f, limit))
}
