package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait of a script.
const patience = time.Minute

// eventually polls: what scripts wait for happens in other processes.
func eventually(ts *testscript.TestScript, what string, condition func() bool) {
	deadline := time.After(patience)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-deadline:
			ts.Fatalf("%s: not within %s", what, patience)
		case <-ticker.C:
		}
	}
}

// exits CODE PROGRAM [ARGUMENT...] runs a program that ends with the code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program [argument...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, not with %d", strings.Join(args[1:], " "), got, want)
	}
}

type endedKey struct{}

// ended is the background command that was signalled last.
type ended struct{ cmd *exec.Cmd }

func lastSignalled(ts *testscript.TestScript) *ended {
	e, ok := ts.Value(endedKey{}).(*ended)
	if !ok {
		ts.Fatalf("the script was not set up")
	}
	return e
}

// signal NAME sends a signal to the background command that was started last.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{
		"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL,
	}
	background := ts.BackgroundCmds()
	if neg || len(args) != 1 || signals[args[0]] == 0 || len(background) == 0 {
		ts.Fatalf("usage: signal INT|TERM|HUP|KILL, with a command in the background")
	}
	last := lastSignalled(ts)
	last.cmd = background[len(background)-1]
	ts.Check(last.cmd.Process.Signal(signals[args[0]]))
}

// signalto COMMAND NAME sends a signal to the background command whose first
// arguments hold a text.
func cmdSignalTo(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "KILL": syscall.SIGKILL}
	if neg || len(args) != 2 || signals[args[1]] == 0 {
		ts.Fatalf("usage: signalto text INT|KILL")
	}
	for _, cmd := range ts.BackgroundCmds() {
		if cmd.ProcessState == nil && strings.Contains(strings.Join(cmd.Args, " "), args[0]) {
			ts.Check(cmd.Process.Signal(signals[args[1]]))
			return
		}
	}
	ts.Fatalf("no command in the background has %q in its arguments", args[0])
}

// exited CODE checks the end of the command that got the last signal, after
// wait.
func cmdExited(ts *testscript.TestScript, neg bool, args []string) {
	last := lastSignalled(ts)
	if neg || len(args) != 1 || last.cmd == nil || last.cmd.ProcessState == nil {
		ts.Fatalf("usage: exited code, after signal and wait")
	}
	if got := strconv.Itoa(last.cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("it ended with %s, not with %s", got, args[0])
	}
}

// waitfile PATH... waits until files exist.
func cmdWaitFile(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		eventually(ts, name+" exists", func() bool {
			_, err := os.Stat(ts.MkAbs(name))
			return err == nil
		})
	}
}

// waitgone FILE... waits until the processes are gone whose pids are in files.
func cmdWaitGone(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(name)))
		ts.Check(err)
		eventually(ts, "the process in "+name+" is gone", func() bool { return !alive(pid) })
	}
}

// until PATTERN PROGRAM [ARGUMENT...] runs a program again and again until its
// output matches.
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until pattern program [argument...]")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	eventually(ts, "the output matches "+args[0], func() bool {
		_ = ts.Exec(args[1], args[2:]...) // its output decides
		return pattern.MatchString(ts.ReadFile("stdout"))
	})
}

// jsonlines FILE checks the stream of --format json: each line is one object,
// the first names the version, and the types that follow are there.
func cmdJSONLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: jsonlines file [type...]")
	}
	seen := make(map[string]bool)
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile(args[0]), "\n"), "\n")
	for i, line := range lines {
		var entry struct {
			Type   string `json:"type"`
			Schema int    `json:"schema"`
			Time   string `json:"time"`
			Run    string `json:"run"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			ts.Fatalf("line %d is not JSON: %v\n%s", i+1, err, line)
		}
		if i == 0 && (entry.Type != "version" || entry.Schema != 1) {
			ts.Fatalf("the first line is not the version: %s", line)
		}
		if i > 0 && (entry.Type == "" || entry.Time == "" || entry.Run == "") {
			ts.Fatalf("line %d lacks type, time or run: %s", i+1, line)
		}
		seen[entry.Type] = true
	}
	for _, want := range args[1:] {
		if !seen[want] {
			ts.Fatalf("there is no event of type %s", want)
		}
	}
}

// nowhere TEXT DIR checks that no file below a folder holds a text.
func cmdNowhere(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] nowhere text folder")
	}
	var found []string
	err := filepath.WalkDir(ts.MkAbs(args[1]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(args[0])) {
			found = append(found, path)
		}
		return err
	})
	ts.Check(err)
	if neg == (len(found) == 0) {
		ts.Fatalf("%q is in these files: %v", args[0], found)
	}
}

// replace OLD NEW FILE changes a file.
func cmdReplace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace old new file")
	}
	before := ts.ReadFile(args[2])
	if !strings.Contains(before, args[0]) {
		ts.Fatalf("%s does not hold %q", args[2], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.ReplaceAll(before, args[0], args[1])), 0o600))
}
