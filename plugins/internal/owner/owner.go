package owner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Owner is the process that something belongs to. A number alone would mean
// another process one day, and another one on each machine.
type Owner struct {
	machine string // empty where it has no identity
	boot    string
	space   string // of process numbers
	pid     string
	start   string // in ticks since the boot
}

// Self is this process.
func Self() (Owner, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Owner{}, fmt.Errorf("identify this process: %w", err)
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return Owner{}, fmt.Errorf("identify this process: %w", err)
	}
	o := Owner{boot: string(bytes.TrimSpace(boot)), space: strings.Trim(space, "pid:[]"), pid: strconv.Itoa(os.Getpid())}
	if machine, err := os.ReadFile("/etc/machine-id"); err == nil {
		o.machine = string(bytes.TrimSpace(machine))
	}
	o.start, err = startOf(o.pid)
	return o, err
}

// String is the owner as a label.
func (o Owner) String() string {
	return strings.Join([]string{o.machine, o.boot, o.space, o.pid, o.start}, "/")
}

// Parse reads what String has written.
func Parse(label string) (Owner, bool) {
	parts := strings.Split(label, "/")
	if len(parts) != 5 {
		return Owner{}, false
	}
	return Owner{parts[0], parts[1], parts[2], parts[3], parts[4]}, true
}

// Life is what is known of an owner.
type Life int

// What is known of an owner.
const (
	Unknown Life = iota // it is of another machine or another space
	Alive
	Rebooted // its machine is this one, which has been started again since
	Dead
)

// LifeOf judges another owner from here.
func (o Owner) LifeOf(other Owner) Life {
	switch {
	case other.boot != o.boot && other.machine != "" && other.machine == o.machine:
		return Rebooted
	case other.boot != o.boot || other.space != o.space:
		return Unknown
	}
	start, err := startOf(other.pid)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && start != other.start:
		return Dead
	case err != nil:
		return Unknown
	}
	return Alive
}

// startOf is when a process was started: field 22 of its stat.
func startOf(pid string) (string, error) {
	if _, err := strconv.ParseUint(pid, 10, 32); err != nil {
		return "", fmt.Errorf("identify process %q: %w", pid, err)
	}
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "", fmt.Errorf("identify process %s: %w", pid, err)
	}
	const afterName = 19 // field 22, counted from the one after the name
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) <= afterName {
		return "", fmt.Errorf("identify process %s: it has no start time", pid)
	}
	if fields[0] == "Z" || fields[0] == "X" {
		// Nobody has asked yet how it ended, but it has.
		return "", fmt.Errorf("identify process %s: it has ended: %w", pid, os.ErrNotExist)
	}
	return fields[afterName], nil
}
