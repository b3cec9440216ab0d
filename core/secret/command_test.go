package secret_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/secret"
)

func sh(script string, args ...string) *secret.Command {
	return &secret.Command{Args: append([]string{"sh", "-c", script, "sh"}, args...)}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	vars := map[string]string{"ADDRESS": "https://vault.example", "OTHER": "canary"}
	withAddress := sh(`echo "$ADDRESS$OTHER$PWD"`)
	withAddress.PassEnv = []string{"ADDRESS", "UNSET"}
	endless := sh(`while :; do echo canary canary canary canary; done`)
	slow := sh(`echo canary; sleep 1000`)
	slow.Timeout = 50 * time.Millisecond
	from := func(c *secret.Command) secret.Source { return secret.Source{Command: c} }
	resolveAll(t, map[string]outcome{
		"good":          {from: from(sh(`printf 'from a command\n'; echo canary >&2`)), want: "from a command"},
		"lines":         {from: from(sh(`printf 'one\ntwo\n\n'`)), want: "one\ntwo\n"},
		"no shell":      {from: from(&secret.Command{Args: []string{"echo", "$HOME;id"}}), want: "$HOME;id"},
		"environment":   {from: from(withAddress), want: "https://vault.example/"},
		"largest":       {from: from(sh(`head -c 65536 /dev/zero | tr '\0' x; echo`)), want: strings.Repeat("x", 64<<10)},
		"too large":     {from: from(sh(`head -c 65537 /dev/zero | tr '\0' x`)), err: "more than 65536 bytes"},
		"endless":       {from: from(endless), err: "prints more than"},
		"slow":          {from: from(slow), err: "has not ended within 50ms"},
		"nothing":       {from: from(sh(`:`)), err: "empty"},
		"missing":       {from: from(&secret.Command{Args: []string{"no-such-program"}}), err: "not found in PATH"},
		"not a program": {from: from(&secret.Command{Args: []string{p.file(t, "data", "x", 0o600)}}), err: "permission denied"},
		"failing":       {from: from(sh(`echo canary-value; echo "cannot log in with canary-value at vault" >&2; exit 7`)), err: "ended with code 7; it says: cannot log in with *** at vault"},
		"killed":        {from: from(sh(`kill -9 $$`)), err: "code 137"},
		"talkative":     {from: from(sh(`echo canary-value; for i in $(seq 30000); do printf 'canary-value '; done >&2; echo last >&2; exit 1`)), err: "*** last"},
	}, func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
}

// A cancelled run leaves nothing of the command behind, whatever it has started.
func TestCancelKillsTheTree(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("somebody pressed a key")
	r := secret.NewResolver(secret.Options{
		Sources: map[string]secret.Source{"token": {Command: sh(
			`setsid sh -c 'trap "" TERM; echo $$ >"$1.new"; mv "$1.new" "$1"; exec sleep 1000' sh "$1" & wait`, p.path("pid"))}},
		LookupEnv: noEnv, Masks: redact.New(),
	})
	done := make(chan error, 1)
	go func() {
		_, err := r.Resolve(ctx, "token")
		done <- err
	}()
	var pid int
	for ticker := time.NewTicker(time.Millisecond); pid == 0; <-ticker.C {
		if text, err := os.ReadFile(p.path("pid")); err == nil {
			pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		}
	}
	// Another that asks meanwhile does not have to wait for the first.
	late, stop := context.WithCancelCause(t.Context())
	stop(gone)
	if _, err := r.Resolve(late, "token"); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	cancel(gone)
	if err := <-done; !errors.Is(err, gone) {
		t.Errorf("got %v, want the cause", err)
	}
	if err := syscall.Kill(pid, 0); err == nil && !zombie(pid) {
		t.Errorf("process %d is still there", pid)
	}
}

func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}
