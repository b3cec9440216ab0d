package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

const (
	prSetChildSubreaper = 36
	waitExited          = 4         // WEXITED
	waitNoReap          = 0x1000000 // WNOWAIT
	waitByPID           = 1         // P_PID
)

func groupAttributes() *syscall.SysProcAttr {
	// The signal comes when the thread that forked ends. The Go runtime ends a
	// thread only when a goroutine exits that is locked to it; nothing here is.
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Adopt makes orphaned descendants of this process its children, so that a
// command that has left its group still shows.
func Adopt() error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0, 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("become the reaper of orphans: %w", errno)
	}
	return nil
}

// maxName is what the kernel keeps of a process's name, without the end mark.
const maxName = 15

// SetName is how this process shows in lists of processes, cut to 15 bytes. The
// kernel takes a name from the file that was executed, which for one that was
// executed by its descriptor is a bare number.
func SetName(name string) error {
	if err := os.WriteFile("/proc/self/comm", []byte(name[:min(len(name), maxName)]), 0); err != nil {
		return fmt.Errorf("set the name of the process: %w", err)
	}
	return nil
}

// waitWithoutReaping returns when the process has exited; its number stays
// taken until somebody reaps it.
func waitWithoutReaping(pid int) {
	var info [128]byte
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, waitByPID, uintptr(pid),
			uintptr(unsafe.Pointer(&info[0])), waitExited|waitNoReap, 0, 0) //nolint:gosec // the kernel fills siginfo_t
		if errno != syscall.EINTR {
			return
		}
	}
}

// adopted are the children of the main thread that this process has not
// started itself: the kernel gives orphans to that thread.
func adopted() ([]int, error) {
	pid := strconv.Itoa(os.Getpid())
	children, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	if err != nil {
		return nil, fmt.Errorf("read the list of children: %w", err)
	}
	var out []int
	for field := range bytes.FieldsSeq(children) {
		child, err := strconv.Atoi(string(field))
		if err != nil {
			return nil, fmt.Errorf("read the list of children: %w", err)
		}
		if !startedHere(child) && !reaped(child) {
			out = append(out, child)
		}
	}
	return out, nil
}

// killStrays kills adopted processes that carry no cookie at all and have left
// the session: commands that were started with an empty environment to get
// away. Nobody can tell whose they are, so that they go with the first stage
// that ends. What has a cookie belongs to a stage that is still running, or is
// about to be executed.
func killStrays() {
	own, _, errno := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	if errno != 0 {
		return
	}
	// What a stray has started becomes a child of this process when it dies.
	for range 100 {
		children, err := adopted()
		if err != nil {
			return
		}
		killed := 0
		for _, child := range children {
			if isStray(child, int(own)) {
				_ = syscall.Kill(child, syscall.SIGKILL) // it is our child and not reaped: the number is its own
				reapOrphan(child)
				killed++
			}
		}
		if killed == 0 {
			return
		}
	}
}

func isStray(pid, session int) bool {
	parent, _, theirs, ok := relations(pid)
	if !ok || parent != os.Getpid() || theirs == session {
		return false
	}
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		name, _, _ := bytes.Cut(entry, []byte("="))
		if string(name) == AttemptVariable || string(name) == InstanceVariable {
			return false
		}
	}
	return true
}

// orphans reports whether somebody was adopted who is still there.
func orphans() bool {
	list, err := adopted()
	return err != nil || len(list) > 0
}

// reaped takes an orphan that has died off the list of children.
func reaped(pid int) bool {
	var status syscall.WaitStatus
	got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
	return err == nil && got == pid
}

// startedHere reports whether a child is a command that this process started,
// which is left to its exec.Cmd.
func startedHere(pid int) bool {
	_, group, session, ok := relations(pid)
	if !ok {
		return true // it is gone
	}
	own, _, errno := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	return errno == 0 && group == pid && session == int(own)
}

// KillTree kills every process whose environment carries the cookie
// variable=value, until none is left, and returns how many it killed. The
// cookie is read through the same handle that the signal goes to, so that a
// number that was reused in between is never hit.
func KillTree(variable, value string) int {
	if value == "" {
		return 0
	}
	cookie := []byte(variable + "=" + value)
	killed := 0
	// A tree may fork while it is being killed; each round finds the new ones.
	for range 100 {
		n := killRound(cookie)
		if n == 0 {
			break
		}
		killed += n
	}
	return killed
}

func killRound(cookie []byte) int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	killed := 0
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if killIfMarked(pid, cookie) {
			killed++
		}
	}
	return killed
}

func killIfMarked(pid int, cookie []byte) bool {
	if !marked(pid, cookie) {
		return false
	}
	// FindProcess takes a pidfd: from here on the process is this one or gone.
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	if !marked(pid, cookie) {
		return false
	}
	if p.Signal(syscall.SIGKILL) != nil {
		return false
	}
	reapOrphan(pid)
	return true
}

// marked reports whether a live process carries the cookie. A zombie has no
// environment any more.
func marked(pid int, cookie []byte) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	for len(env) > 0 {
		var entry []byte
		entry, env, _ = bytes.Cut(env, []byte{0})
		if bytes.Equal(entry, cookie) {
			return true
		}
	}
	return false
}

// reapOrphan waits for a killed process that this one has adopted.
func reapOrphan(pid int) {
	parent, _, _, ok := relations(pid)
	if !ok || parent != os.Getpid() || startedHere(pid) {
		return
	}
	var status syscall.WaitStatus
	_, _ = syscall.Wait4(pid, &status, 0, nil)
}

// relations reads fields 4 to 6 of /proc/pid/stat.
func relations(pid int) (parent, group, session int, ok bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, 0, false
	}
	end := bytes.LastIndexByte(stat, ')') // the name may hold anything
	if end < 0 {
		return 0, 0, 0, false
	}
	var state string
	_, err = fmt.Sscanf(string(stat[end+1:]), "%s %d %d %d", &state, &parent, &group, &session)
	return parent, group, session, err == nil
}
