package process

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary plays the processes: its behaviour is chosen by an argument.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && strings.HasPrefix(os.Args[1], "act=") {
		act(strings.TrimPrefix(os.Args[1], "act="))
	}
	os.Exit(m.Run())
}

func act(role string) {
	switch role {
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "fail":
		fmt.Println("cannot go on")
		os.Exit(7)
	}
	fmt.Println("ready")
	<-time.NewTimer(time.Minute).C // longer than any test here, yet no leftover for ever
	os.Exit(0)
}

func start(t *testing.T, role, cookie string) (child *Child, logFile string) {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	logFile = filepath.Join(t.TempDir(), role+".log")
	child, err = Start(Spec{
		Executable: executable,
		Args:       []string{"act=" + role},
		Dir:        "/",
		Cookie:     cookie,
		LogFile:    logFile,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.cmd.Process.Kill()
		_ = child.cmd.Wait()
	})
	return child, logFile
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("not in time: %s", what)
		}
	}
}

func TestStopEndsProcess(t *testing.T) {
	t.Parallel()
	child, _ := start(t, "obedient", t.Name())
	if !child.Alive(t.Name()) {
		t.Fatal("the child is not alive after start")
	}
	if err := Stop(t.Context(), []Identity{child.Identity}, t.Name(), 20*time.Second); err != nil {
		t.Fatal(err)
	}
	state, exited := child.Exited()
	if !exited || state != "signal: terminated" {
		t.Errorf("state = %q, %v; want it ended by SIGTERM", state, exited)
	}
}

func TestStopKillsStubborn(t *testing.T) {
	t.Parallel()
	child, logFile := start(t, "stubborn", t.Name())
	eventually(t, "signal is ignored", func() bool { return len(LogTail(logFile, 1)) == 1 })
	if err := Stop(t.Context(), []Identity{child.Identity}, t.Name(), 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if state, _ := child.Exited(); state != "signal: killed" {
		t.Errorf("state = %q, want it ended by SIGKILL", state)
	}
}

// A pid that has changed hands must not be signalled, whatever the difference
// is: another start time, or another owner's cookie.
func TestStopSparesBystander(t *testing.T) {
	t.Parallel()
	child, _ := start(t, "bystander", t.Name())
	stale := Identity{PID: child.PID, StartTicks: child.StartTicks - 1}
	for _, test := range []struct {
		name   string
		id     Identity
		cookie string
	}{
		{"another start time", stale, t.Name()},
		{"another cookie", child.Identity, "somebody else's"},
		{"no cookie", child.Identity, ""},
		{"no pid", Identity{}, t.Name()},
		{"own process group", Identity{PID: -1}, t.Name()},
	} {
		if err := Stop(t.Context(), []Identity{test.id}, test.cookie, time.Second); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if !child.Alive(t.Name()) {
			t.Fatalf("%s: the bystander was killed", test.name)
		}
	}
}

func TestFindByCookie(t *testing.T) {
	t.Parallel()
	first, _ := start(t, "one", t.Name())
	second, _ := start(t, "two", t.Name())
	start(t, "three", t.Name()+" of somebody else")
	found, err := Find(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 {
		t.Fatalf("found %v, want %v and %v", found, first.Identity, second.Identity)
	}
	for _, id := range found {
		if id != first.Identity && id != second.Identity {
			t.Errorf("found %v, which is neither of ours", id)
		}
	}
}

func TestExitedShowsStatusAndLog(t *testing.T) {
	t.Parallel()
	child, logFile := start(t, "fail", t.Name())
	var state string
	eventually(t, "child ends", func() bool {
		var exited bool
		state, exited = child.Exited()
		return exited
	})
	if state != "exit status 7" {
		t.Errorf("state = %q", state)
	}
	if tail := LogTail(logFile, 5); len(tail) != 1 || tail[0] != "cannot go on" {
		t.Errorf("log tail = %q", tail)
	}
}

func TestStartKeepsPreviousLog(t *testing.T) {
	t.Parallel()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	logFile := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(logFile, []byte("why it died\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	child, err := Start(Spec{Executable: executable, Args: []string{"act=fail"}, Dir: "/", Cookie: t.Name(), LogFile: logFile})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "child ends", func() bool { _, exited := child.Exited(); return exited })
	if tail := LogTail(logFile+".previous", 1); len(tail) != 1 || tail[0] != "why it died" {
		t.Errorf("previous log = %q", tail)
	}
}

func TestLogTailIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "long.log")
	if err := os.WriteFile(path, []byte(strings.Repeat("a line of the log\n", 10_000)+"last\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tail := LogTail(path, 3)
	if len(tail) != 3 || tail[2] != "last" || tail[0] != "a line of the log" {
		t.Errorf("tail = %q", tail)
	}
}
