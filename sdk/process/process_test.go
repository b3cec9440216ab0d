//go:build linux

package process_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stagegate/stagegate/sdk/process"
)

func TestMain(m *testing.M) {
	if err := process.Adopt(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func run(t *testing.T, ctx context.Context, script string) (process.Exit, string, error) {
	t.Helper()
	var out bytes.Buffer
	exit, err := process.Run(ctx, process.Command{
		Args: []string{"sh", "-c", script}, Dir: t.TempDir(), AttemptID: t.Name(),
		Stdout: &out, Stderr: &out, Grace: 200 * time.Millisecond,
		Env: map[string]string{"GIVEN": "yes"},
	})
	return exit, out.String(), err
}

func TestRunReportsOutputAndExitCode(t *testing.T) {
	exit, out, err := run(t, t.Context(), `echo "$GIVEN $RUNNER_ATTEMPT"; exit 7`)
	if err != nil || exit.Code != 7 || out != "yes "+t.Name()+"\n" {
		t.Errorf("got %+v, %q, %v", exit, out, err)
	}
}

func TestRunScrubsTheEnvironment(t *testing.T) {
	t.Setenv("SOME_SECRET", "canary")
	_, out, err := run(t, t.Context(), `env`)
	if err != nil || strings.Contains(out, "canary") {
		t.Errorf("the command sees the runner's variables: %q, %v", out, err)
	}
}

func TestRunNamesAMissingProgram(t *testing.T) {
	_, err := process.Run(t.Context(), process.Command{Args: []string{"no-such-program"}, Dir: t.TempDir(), AttemptID: "x"})
	var start *process.StartError
	if !errors.As(err, &start) || start.Program != "no-such-program" {
		t.Errorf("got %v", err)
	}
}

func TestRunLosesNoOutput(t *testing.T) {
	_, out, err := run(t, t.Context(), `head -c 5000000 /dev/zero`)
	if err != nil || len(out) != 5000000 {
		t.Errorf("got %d bytes, %v", len(out), err)
	}
}

// The command leaves the group and the session, ignores the polite signal and
// keeps the output open; it must be gone when Run returns all the same.
func TestNothingOutlivesTheCommand(t *testing.T) {
	for name, script := range map[string]string{
		"after exit":      `setsid sh -c 'trap "" TERM; echo $$ > "$PWD/pid"; exec sleep 1000' & while ! test -s pid; do :; done; cat pid`,
		"pipes closed":    `setsid sh -c 'trap "" TERM; echo $$ > "$PWD/pid"; exec sleep 1000' >/dev/null 2>&1 </dev/null & while ! test -s pid; do :; done; cat pid`,
		"no cookie":       `env -i PATH="$PATH" PWD="$PWD" setsid sh -c 'echo $$ > "$PWD/pid"; exec sleep 1000' >/dev/null 2>&1 </dev/null & while ! test -s pid; do :; done; cat pid`,
		"after its fault": `(setsid sh -c 'echo $$ > "$PWD/pid"; exec sleep 1000' &) ; while ! test -s pid; do :; done; cat pid; kill -9 $$`,
	} {
		t.Run(name, func(t *testing.T) {
			_, out, err := run(t, t.Context(), script)
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(out))
			if err != nil {
				t.Fatalf("no pid in %q", out)
			}
			if alive(pid) {
				t.Errorf("process %d is still there", pid)
			}
		})
	}
}

func alive(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	rest := string(stat[bytes.LastIndexByte(stat, ')')+1:])
	return !strings.HasPrefix(strings.TrimSpace(rest), "Z")
}

func TestCancelAsksThenKills(t *testing.T) {
	cause := errors.New("somebody pressed a key")
	for name, script := range map[string]string{
		"polite":   `trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done`,
		"stubborn": `trap '' TERM; echo up; while :; do sleep 0.01; done`,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			up := make(chan struct{})
			var out bytes.Buffer
			go func() {
				<-up
				cancel(cause)
			}()
			exit, err := process.Run(ctx, process.Command{
				Args: []string{"sh", "-c", script}, Dir: t.TempDir(), AttemptID: t.Name(),
				Stdout: onFirst(&out, up), Grace: 300 * time.Millisecond,
			})
			if !errors.Is(err, cause) {
				t.Errorf("got error %v, want the cause", err)
			}
			switch name {
			case "polite":
				if exit.Code != 3 || !strings.Contains(out.String(), "bye") {
					t.Errorf("got %+v, %q", exit, out.String())
				}
			case "stubborn":
				if exit.Signal != syscall.SIGKILL.String() {
					t.Errorf("got %+v", exit)
				}
			}
		})
	}
}

func TestSetNameIsTheProcess(t *testing.T) {
	before, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := process.SetName(strings.TrimSpace(string(before))); err != nil {
			t.Error(err)
		}
	}()
	for name, want := range map[string]string{"plugin-toys": "plugin-toys", "plugin-with-a-long-name": "plugin-with-a-l"} {
		if err := process.SetName(name); err != nil {
			t.Fatal(err)
		}
		// Not the thread that happens to run the test: the one that stands for all.
		got, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(os.Getpid()), "comm"))
		if err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("named %q it is %q, %v", name, got, err)
		}
	}
}

type signalling struct {
	*bytes.Buffer
	up   chan struct{}
	done bool
}

func onFirst(b *bytes.Buffer, up chan struct{}) *signalling { return &signalling{Buffer: b, up: up} }

func (s *signalling) Write(p []byte) (int, error) {
	if !s.done {
		s.done = true
		close(s.up)
	}
	return s.Buffer.Write(p)
}

func BenchmarkTrue(b *testing.B) {
	for b.Loop() {
		if _, err := process.Run(b.Context(), process.Command{Args: []string{"/bin/true"}, Dir: "/", AttemptID: "bench", Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}}); err != nil {
			b.Fatal(err)
		}
	}
}
