package e2e_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait of a script.
const patience = time.Minute

type stateKey struct{}

// state is what the commands of one script know.
type state struct {
	api       *api
	namespace string
	signalled *exec.Cmd // the background command that got the last signal
}

func stateOf(ts *testscript.TestScript) *state {
	s, ok := ts.Value(stateKey{}).(*state)
	if !ok {
		ts.Fatalf("the script was not set up")
	}
	return s
}

// cluster get KIND NAME prints an object of the script's namespace; with "!" it
// must not be there.
// cluster empty checks that nothing was ever applied to the namespace.
// cluster list KIND prints the names of all that there are.
// cluster gone waits until nothing is left in it.
// cluster closed FILE writes a kubeconfig that leads to a port where nobody
// listens, and sets $ADDRESS.
func cmdCluster(ts *testscript.TestScript, neg bool, args []string) {
	s := stateOf(ts)
	switch command := strings.Join(args[:min(1, len(args))], ""); {
	case command == "get" && len(args) == 3:
		object, err := s.api.get(args[1], s.namespace, args[2])
		if neg && err == nil {
			ts.Fatalf("%s %s is there:\n%s", args[1], args[2], object)
		}
		if !neg || !errors.Is(err, errNotFound) {
			ts.Check(err)
		}
		_, err = ts.Stdout().Write(object)
		ts.Check(err)
	case command == "empty" && len(args) == 1 && !neg:
		objects, err := s.api.objects(s.namespace)
		ts.Check(err)
		if len(objects) > 0 {
			ts.Fatalf("something was applied: %s", strings.Join(objects, ", "))
		}
	case command == "list" && len(args) == 2 && !neg:
		objects, err := s.api.objects(s.namespace)
		ts.Check(err)
		for _, object := range objects {
			if strings.HasPrefix(object, args[1]+" ") {
				_, err := ts.Stdout().Write([]byte(object + "\n"))
				ts.Check(err)
			}
		}
	case command == "gone" && len(args) == 1 && !neg:
		var left []string
		gone := eventually(func() bool {
			objects, err := s.api.objects(s.namespace)
			left = objects
			return err == nil && len(objects) == 0
		})
		if !gone {
			ts.Fatalf("something is left: %s", strings.Join(left, ", "))
		}
	case command == "closed" && len(args) == 2 && !neg:
		closedPort(ts, args[1])
	default:
		ts.Fatalf("usage: cluster get kind name | cluster list kind | cluster empty | cluster gone | cluster closed file")
	}
}

func closedPort(ts *testscript.TestScript, file string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	address := listener.Addr().String()
	ts.Check(listener.Close())
	ts.Check(os.WriteFile(ts.MkAbs(file), []byte(`{apiVersion: v1, kind: Config, current-context: closed,
 clusters: [{name: closed, cluster: {server: "https://`+address+`"}}],
 contexts: [{name: closed, context: {cluster: closed, user: nobody}}],
 users: [{name: nobody, user: {}}]}
`), 0o600))
	ts.Setenv("ADDRESS", address)
}

// exits CODE PROGRAM [ARGUMENT...] runs a program that ends with the code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program [argument...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s ended with %d, not with %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// signal INT|KILL sends a signal to the background command that was started
// last.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "KILL": syscall.SIGKILL}
	background := ts.BackgroundCmds()
	if neg || len(args) != 1 || signals[args[0]] == 0 || len(background) == 0 {
		ts.Fatalf("usage: signal INT|KILL, with a command in the background")
	}
	s := stateOf(ts)
	s.signalled = background[len(background)-1]
	ts.Check(s.signalled.Process.Signal(signals[args[0]]))
}

// exited CODE checks how the signalled command ended, after wait.
func cmdExited(ts *testscript.TestScript, neg bool, args []string) {
	s := stateOf(ts)
	if neg || len(args) != 1 || s.signalled == nil || s.signalled.ProcessState == nil {
		ts.Fatalf("usage: exited code, after signal and wait")
	}
	if got := strconv.Itoa(s.signalled.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("it ended with %s, not with %s", got, args[0])
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
	met := eventually(func() bool {
		_ = ts.Exec(args[1], args[2:]...) // its output decides
		return pattern.MatchString(ts.ReadFile("stdout"))
	})
	if !met {
		ts.Fatalf("no output matches %s within %s; the last was:\n%s", args[0], patience, ts.ReadFile("stdout"))
	}
}

// eventually polls: what scripts wait for happens in other processes.
func eventually(condition func() bool) bool {
	deadline := time.After(patience)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-deadline:
			return false
		case <-ticker.C:
		}
	}
	return true
}
