// Package process starts detached processes and finds them again later. A
// process is known by its pid, its start time and a cookie in its environment,
// never by the pid alone: pids are reused, and a bystander must not be killed.
// It reads Linux's /proc and knows nothing of Kubernetes.
package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// CookieVariable is the environment variable that marks every process of a
// cluster with that cluster's cookie.
const CookieVariable = "DEVCLUSTER_COOKIE"

// Identity names one process among all that ever ran since the machine booted.
type Identity struct {
	PID int `json:"pid"`
	// StartTicks is the start time in clock ticks since boot, field 22 of
	// /proc/PID/stat.
	StartTicks uint64 `json:"start_ticks"`
}

// Identify returns the identity of the process that has the pid now.
func Identify(pid int) (Identity, error) {
	stat, err := readStat(pid)
	if err != nil {
		return Identity{}, err
	}
	return Identity{PID: pid, StartTicks: stat.startTicks}, nil
}

// Alive reports whether the very same process still runs and carries the
// cookie. One that is just ending does not count: its environment is gone.
func (id Identity) Alive(cookie string) bool {
	return cookie != "" && !id.gone() && hasCookie(id.PID, cookie)
}

// gone reports whether the process has ended and let go of all ports, files
// and locks. A zombie has, but only when it was the last of its threads: the
// others may still hold what they shared.
func (id Identity) gone() bool {
	if id.PID <= 0 {
		return true
	}
	stat, err := readStat(id.PID)
	if err != nil || stat.startTicks != id.StartTicks {
		return true
	}
	return stat.zombie && stat.threads <= 1
}

func hasCookie(pid int, cookie string) bool {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	want := []byte(CookieVariable + "=" + cookie)
	for entry := range bytes.SplitSeq(environ, []byte{0}) {
		if bytes.Equal(entry, want) {
			return true
		}
	}
	return false
}

// stat is what we need of /proc/PID/stat.
type stat struct {
	zombie     bool
	threads    int
	startTicks uint64
}

// readStat parses /proc/PID/stat. The second field is the command in
// parentheses and may itself hold blanks and parentheses, so the fields are
// counted from the last closing one.
func readStat(pid int) (stat, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	const (
		stateField   = 3 // the first one after the command
		threadsField = 20
		startField   = 22
	)
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) <= startField-stateField {
		return stat{}, fmt.Errorf("parse /proc/%d/stat: %d fields", pid, len(fields))
	}
	startTicks, err := strconv.ParseUint(string(fields[startField-stateField]), 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("parse start time of process %d: %w", pid, err)
	}
	threads, err := strconv.Atoi(string(fields[threadsField-stateField]))
	if err != nil {
		return stat{}, fmt.Errorf("parse thread count of process %d: %w", pid, err)
	}
	state := fields[0][0]
	return stat{zombie: state == 'Z' || state == 'X', threads: threads, startTicks: startTicks}, nil
}
