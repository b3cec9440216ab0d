package proctree

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const key = "PROCTREE_TEST_MARK"

// start runs a shell script and returns its pid and the n pids it prints.
func start(t *testing.T, mark string, n int, script string) []int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	if mark != "" {
		cmd.Env = append(cmd.Env, key+"="+mark)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	pids := []int{cmd.Process.Pid}
	for lines := bufio.NewScanner(out); len(pids) < n+1 && lines.Scan(); {
		pid, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

func alive(pid int) bool {
	_, ok := read(pid, Mark{})
	return ok
}

func TestKillTakesTheWholeTree(t *testing.T) {
	t.Parallel()
	mark := fmt.Sprint(t.Name(), time.Now().UnixNano())
	// One child stays, one starts its own session, one hides its environment.
	pids := start(t, mark, 4, `trap "" TERM
sleep 1000 & echo $!
setsid sh -c 'trap "" TERM; echo $$; sleep 1000 & echo $!; wait' &
env -i sleep 1000 & echo $!
wait`)
	if got := Find(Mark{Key: key, Value: mark}); len(got) < 4 {
		t.Fatalf("found %v, want at least the tree %v", got, pids)
	}
	if left := Kill(t.Context(), Mark{Key: key, Value: mark}); len(left) > 0 {
		t.Fatalf("left %v", left)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d of %v is alive", pid, pids)
		}
	}
}

func TestKillSparesBystanders(t *testing.T) {
	t.Parallel()
	mark := fmt.Sprint(t.Name(), time.Now().UnixNano())
	bystander := start(t, "", 1, "echo $$; exec sleep 1000")[0]
	similar := start(t, mark+"x", 1, "echo $$; exec sleep 1000")[0]
	if got := Find(Mark{Key: key, Value: mark}); len(got) != 0 {
		t.Fatalf("found %v without any process that carries the mark", got)
	}
	Kill(t.Context(), Mark{Key: key, Value: mark})
	if !alive(bystander) || !alive(similar) {
		t.Error("a bystander was killed")
	}
	if got := Find(Mark{Key: key, Value: mark, Prefix: true}); !slices.Equal(got, []int{similar}) {
		t.Errorf("by prefix found %v, want %d", got, similar)
	}
}

// A pid that was handed out again belongs to a bystander.
func TestKillRoundChecksTheStartTime(t *testing.T) {
	t.Parallel()
	mark := Mark{Key: key, Value: fmt.Sprint(t.Name(), time.Now().UnixNano())}
	pid := start(t, mark.Value, 1, "echo $$; exec sleep 1000")[0]
	e, ok := read(pid, mark)
	if !ok {
		t.Fatal("process is gone")
	}
	e.start++
	killRound([]entry{e}, mark)
	if !alive(pid) {
		t.Error("a process with another start time was killed")
	}
	Kill(t.Context(), mark)
}

func TestKillEndsWithItsContext(t *testing.T) {
	t.Parallel()
	mark := Mark{Key: key, Value: fmt.Sprint(t.Name(), time.Now().UnixNano())}
	pid := start(t, mark.Value, 1, "echo $$; exec sleep 1000")[0]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if left := Kill(ctx, mark); !slices.Equal(left, []int{pid}) {
		t.Errorf("left %v, want %d", left, pid)
	}
}

func TestEmptyMarkSelectsNothing(t *testing.T) {
	t.Parallel()
	for _, m := range []Mark{{}, {Key: "PATH"}, {Value: "x"}, {Key: "PATH", Prefix: true}} {
		if got := Find(m); len(got) > 0 {
			t.Errorf("Find(%+v) = %v", m, got)
		}
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	tail := strings.Repeat("0 ", 17) + "4711 0 0"
	for name, tc := range map[string]struct {
		stat string
		want entry
		ok   bool
	}{
		"plain":    {"7 (sh) S 3 " + tail, entry{pid: 7, parent: 3, start: 4711}, true},
		"tricky":   {"7 (a) R 9 (b) S 3 " + tail, entry{pid: 7, parent: 3, start: 4711}, true},
		"zombie":   {"7 (sh) Z 3 " + tail, entry{}, false},
		"short":    {"7 (sh) S 3", entry{}, false},
		"nonsense": {"", entry{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := parseStat(7, []byte(tc.stat))
			if ok != tc.ok || ok && got != tc.want {
				t.Errorf("got %+v %v, want %+v %v", got, ok, tc.want, tc.ok)
			}
		})
	}
}
