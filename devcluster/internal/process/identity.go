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
	ticks, _, err := readStat(pid)
	if err != nil {
		return Identity{}, err
	}
	return Identity{PID: pid, StartTicks: ticks}, nil
}

// Alive reports whether the very same process still runs and carries the
// cookie. A zombie does not run: it holds no port, file or lock any more.
func (id Identity) Alive(cookie string) bool {
	if id.PID <= 0 || cookie == "" {
		return false
	}
	ticks, zombie, err := readStat(id.PID)
	if err != nil || zombie || ticks != id.StartTicks {
		return false
	}
	return hasCookie(id.PID, cookie)
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

// readStat parses /proc/PID/stat. The second field is the command in
// parentheses and may itself hold blanks and parentheses, so the fields are
// counted from the last closing one.
func readStat(pid int) (startTicks uint64, zombie bool, err error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false, err
	}
	const (
		stateField = 3
		startField = 22
	)
	_, rest, found := cutLast(data, ')')
	fields := bytes.Fields(rest)
	if !found || len(fields) <= startField-stateField {
		return 0, false, fmt.Errorf("parse /proc/%d/stat: %d fields", pid, len(fields))
	}
	startTicks, err = strconv.ParseUint(string(fields[startField-stateField]), 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("parse start time of process %d: %w", pid, err)
	}
	state := fields[0][0]
	return startTicks, state == 'Z' || state == 'X', nil
}

func cutLast(data []byte, separator byte) (before, after []byte, found bool) {
	i := bytes.LastIndexByte(data, separator)
	if i < 0 {
		return data, nil, false
	}
	return data[:i], data[i+1:], true
}
