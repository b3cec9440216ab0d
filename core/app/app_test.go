package app

import (
	"bytes"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
)

func TestLongFlags(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"run -var a=b":             "run --var a=b",
		"run -var=a=b -var-file x": "run --var=a=b --var-file x",
		"run -parallelism 2 -v":    "run --parallelism 2 -v",
		"run -h":                   "run -h",
		"run --var a=b":            "run --var a=b",
		"run -nothing":             "run -nothing",
		"run -- -var":              "run -- -var",
		"logs -attempt 2 latest":   "logs --attempt 2 latest",
	} {
		got := longFlags(new(app).rootCommand(), strings.Fields(in))
		if diff := cmp.Diff(strings.Fields(want), got); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		outcome engine.Outcome
		want    int
	}{
		{engine.Outcome{Status: event.Succeeded}, 0},
		{engine.Outcome{Status: event.Failed}, 3},
		{engine.Outcome{Status: event.Errored}, 3},
		{engine.Outcome{Status: event.Denied}, 4},
		{engine.Outcome{Status: event.Failed, Denied: true}, 4},
		{engine.Outcome{Status: event.Waiting}, 5},
		{engine.Outcome{Status: event.Cancelled}, 130},
		{engine.Outcome{Status: event.Cancelled, Denied: true}, 130},
	} {
		if got := exitCode(tc.outcome); got != tc.want {
			t.Errorf("%v means %d, not %d", tc.outcome, got, tc.want)
		}
	}
}

// A command that does not hear the first signal, here because it waits for its
// input, ends some time after the second.
func TestSecondSignalEndsWhatDoesNotListen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stdin, typing := io.Pipe()
		signals := make(chan os.Signal)
		var stderr bytes.Buffer
		code := make(chan int)
		go func() {
			code <- Main(t.Context(), Surroundings{
				Args: []string{"hook", "run", "post-receive"}, Stdin: stdin,
				Stdout: io.Discard, Stderr: &stderr, Signals: signals,
			})
		}()
		signals <- os.Interrupt
		synctest.Wait()
		begun := time.Now()
		signals <- syscall.SIGTERM
		if got := <-code; got != exitInterrupted {
			t.Errorf("ended with %d", got)
		}
		if took := time.Since(begun); took != lastChance {
			t.Errorf("took %s", took)
		}
		if got := stderr.String(); got != "Ctrl-C: stopping; again to end at once\n" {
			t.Errorf("said %q", got)
		}
		if err := typing.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Signals that nobody will send hold nothing up.
func TestNoSignals(t *testing.T) {
	t.Parallel()
	closed := make(chan os.Signal)
	close(closed)
	for _, signals := range []chan os.Signal{nil, closed} {
		var stdout bytes.Buffer
		if code := Main(t.Context(), Surroundings{Args: []string{"version"}, Stdout: &stdout, Stderr: io.Discard, Signals: signals}); code != exitDone {
			t.Errorf("ended with %d", code)
		}
		if !strings.HasPrefix(stdout.String(), "runner "+Version) {
			t.Errorf("printed %q", stdout.String())
		}
	}
}

func TestCopyPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                     "",
		"a\r\nb\x1b[2J":                        "a\nb[2J",
		strings.Repeat("x", 3*maxPiece) + "\n": strings.Repeat("x", 3*maxPiece) + "\n",
	} {
		var out bytes.Buffer
		if err := copyPrintable(&out, strings.NewReader(in)); err != nil || out.String() != want {
			t.Errorf("%.40q: got %.40q, %v", in, out.String(), err)
		}
	}
}
