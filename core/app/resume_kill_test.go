package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// tenStages has one stage of each sort. Each appends its name to one file: what
// must not happen twice are ticket, staging and production.
const tenStages = `
pipeline "ten" {}

variable "color" { type = string }

variable "password" {
  type      = string
  sensitive = true
}

stage "data" {
  uses = "fake.note"
  with { log = "${path.root}/effects" }
}

stage "train" {
  uses = "fake.note"
  with {
    log     = "${path.root}/effects"
    content = "${stage.data.value} ${var.color}"
  }
}

stage "accuracy" {
  uses = "fake.check"
  with {
    artifact = stage.train.artifact
    metrics  = { accuracy = 0.97 }
    min      = { accuracy = 0.9 }
  }
}

stage "ticket" {
  uses  = "fake.effect"
  needs = [stage.accuracy]
  with { log = "${path.root}/effects" }
}

stage "compliance" {
  uses  = "fake.policy"
  needs = [stage.accuracy]
}

stage "staging" {
  uses  = "fake.deploy"
  needs = [stage.compliance]
  with {
    file     = "staging"
    log      = "${path.root}/effects"
    artifact = stage.train.artifact
  }
}

stage "smoke" {
  uses = "fake.note"
  with {
    log     = "${path.root}/effects"
    content = stage.staging.file
  }
}

stage "release" {
  uses  = "fake.policy"
  needs = [stage.smoke]
}

stage "production" {
  uses  = "fake.deploy"
  needs = [stage.release, stage.ticket]
  with {
    file     = "production"
    log      = "${path.root}/effects"
    artifact = stage.train.artifact
  }
}

stage "cleanup" {
  uses  = "fake.note"
  needs = [stage.production]
  run   = "always"
  with { log = "${path.root}/effects" }
}
`

// theater is a tree with its own home, in which runners live and die.
type theater struct {
	t    *testing.T
	tree string
	home string
}

// newTheater has a warm cache, when there is one: it is not plugins' starts that
// is tested.
func newTheater(t *testing.T, warm *theater) *theater {
	t.Helper()
	dir := t.TempDir()
	th := &theater{t: t, tree: filepath.Join(dir, "tree"), home: filepath.Join(dir, "home")}
	for path, content := range map[string]string{
		filepath.Join(th.tree, "pipeline.hcl"):                   tenStages,
		filepath.Join(th.home, "config", "stagegate/runner.hcl"): "policy \"quiet\" { uses = \"fake.policy\" }\n",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if warm != nil {
		cache := filepath.Join("runner", "cache", "plugins")
		if err := os.CopyFS(filepath.Join(th.home, cache), os.DirFS(filepath.Join(warm.home, cache))); err != nil {
			t.Fatal(err)
		}
	}
	return th
}

// runner runs a command. After as many events it dies; never when that is
// negative. It gives the exit code, -1 for a death.
func (th *theater) runner(events int, args ...string) (code int, output string) {
	th.t.Helper()
	cmd := exec.CommandContext(th.t.Context(), "runner", args...)
	cmd.Dir = th.tree
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + th.home, "TMPDIR=" + th.t.TempDir(), "GORACE=atexit_sleep_ms=0",
		"RUNNER_HOME=" + filepath.Join(th.home, "runner"), "XDG_CONFIG_HOME=" + filepath.Join(th.home, "config"),
		"RUNNER_VAR_password=correct-horse",
	}
	if events >= 0 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d", killAfter, events))
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return 0, out.String()
	case !ended:
		th.t.Fatalf("runner %v: %v", args, err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		if status.Signal() != syscall.SIGKILL {
			th.t.Fatalf("runner %v: %v\n%s", args, err, out.String())
		}
		return -1, out.String()
	}
	return exit.ExitCode(), out.String()
}

// journal is what the latest run has on record, and that run.
func (th *theater) journal() (string, []event.Event) {
	th.t.Helper()
	store, err := runstate.OpenFileStore(runstate.FileOptions{Home: filepath.Join(th.home, "runner")})
	if err != nil {
		th.t.Fatal(err)
	}
	ids, err := store.List(context.Background())
	if err != nil || len(ids) == 0 {
		th.t.Fatalf("runs: %v, %v", ids, err)
	}
	history, err := store.Read(context.Background(), ids[0])
	if err != nil {
		th.t.Fatal(err)
	}
	return ids[0], history.Events
}

// effects counts the lines that stages have left.
func (th *theater) effects() map[string]int {
	th.t.Helper()
	data, err := os.ReadFile(filepath.Join(th.tree, "effects"))
	if err != nil && !os.IsNotExist(err) {
		th.t.Fatal(err)
	}
	out := make(map[string]int)
	for line := range strings.Lines(string(data)) {
		out[strings.TrimSuffix(line, "\n")]++
	}
	return out
}

// endState is what a run came to, without times and ids.
func endState(events []event.Event) map[string]string {
	out := make(map[string]string)
	for _, s := range runstate.Replay(runstate.History{Events: events}).Stages {
		text := string(s.Status)
		if f := s.Finish; f != nil {
			report, _ := json.Marshal([]any{f.Report, f.Rollout, s.Artifacts}) // plain structs always have a form
			text += fmt.Sprintf(" %s %s", f.Outputs, report)
		}
		if s.Plan != nil {
			text += " " + s.Plan.Digest
		}
		out[s.Name] = text
	}
	return out
}

// doneTwice names stages that began again after they had succeeded.
func doneTwice(events []event.Event) (out []string) {
	done := make(map[string]bool)
	for _, e := range events {
		switch {
		case e.Type == event.AttemptStarted && done[e.Stage], e.Type == event.StageFinished && done[e.Stage]:
			out = append(out, e.Stage)
		case e.Type == event.StageFinished && e.Finish.Status == event.Succeeded:
			done[e.Stage] = true
		}
	}
	return out
}

// The runner is killed by SIGKILL at every event of the journal of a run of ten
// stages, and once more while it goes on. Every time the run ends where an
// undisturbed one does: finished work is never done twice and never lost, and
// what changes something outside does so once.
func TestResumeAfterEveryKill(t *testing.T) {
	t.Parallel()
	calm := newTheater(t, nil)
	if code, out := calm.runner(-1, "run", "--var", "color=blue"); code != 0 {
		t.Fatalf("the undisturbed run ended with %d:\n%s", code, out)
	}
	_, whole := calm.journal()
	if len(whole) < 40 {
		t.Fatalf("the undisturbed run has %d events", len(whole))
	}
	want := endState(whole)
	for k := range len(whole) {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			th := newTheater(t, calm)
			if code, out := th.runner(k, "run", "--var", "color=blue"); code != -1 {
				t.Fatalf("it was to be killed after %d events and ended with %d:\n%s", k, code, out)
			}
			if k == 0 {
				if code, out := th.runner(-1, "resume", "latest"); code != 2 || !strings.Contains(out, "before anything of it was recorded") {
					t.Errorf("%d, %s", code, out)
				}
				return
			}
			th.resumed(want, 1+k%6)
		})
	}
}

// resumed goes on with the latest run, is killed once more after some events,
// and goes on again.
func (th *theater) resumed(want map[string]string, events int) {
	th.t.Helper()
	code, out := th.runner(events, "resume", "latest")
	if code == -1 {
		code, out = th.runner(-1, "resume", "latest")
	}
	id, journal := th.journal()
	effects := th.effects()
	if code == 3 && strings.Contains(out, "whether its work is done is not known") {
		// It was on its way, and cannot be asked: somebody has to look.
		if effects["ticket"] > 1 {
			th.t.Errorf("the ticket was opened %d times", effects["ticket"])
		}
		if code, out = th.runner(-1, "run", "--restart-from", "stage.ticket", id); code != 0 {
			th.t.Fatalf("the restart ended with %d:\n%s", code, out)
		}
		_, journal = th.journal()
		effects = th.effects()
		effects["ticket"] = 1 // what somebody has decided
	}
	if code != 0 {
		th.t.Fatalf("it ended with %d:\n%s", code, out)
	}
	if diff := cmp.Diff(want, endState(journal)); diff != "" {
		th.t.Errorf("the end is another (-undisturbed +got):\n%s\n%s", diff, out)
	}
	for _, once := range []string{"ticket", "staging", "production"} {
		if effects[once] != 1 {
			th.t.Errorf("%s had its effect %d times: %v\n%s", once, effects[once], effects, out)
		}
	}
	if again := doneTwice(journal); len(again) > 0 {
		th.t.Errorf("finished work was done again: %v", again)
	}
	for _, pure := range []string{"data", "train", "smoke", "cleanup"} {
		if effects[pure] < 1 || effects[pure] > 3 {
			th.t.Errorf("%s ran %d times", pure, effects[pure])
		}
	}
}
