package command_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/command"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

const (
	onePassed  = `<testsuite name="s"><testcase name="a"/><testcase name="b"><skipped/></testcase></testsuite>`
	oneFailed  = `<testsuite name="s"><testcase name="a"/><testcase name="b"><failure message="3 is not 4"/></testcase></testsuite>`
	noneInside = `<testsuite name="s"></testsuite>`
)

func start(t *testing.T) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "test", Version: "0.1.0", Testers: []sdk.Tester{command.Component{}}})
}

// shell is a configuration that runs a script.
func shell(script string, more map[string]cty.Value) cty.Value {
	config := map[string]cty.Value{
		"command": cty.ListVal([]cty.Value{cty.StringVal("sh"), cty.StringVal("-c"), cty.StringVal(script)}),
	}
	for k, v := range more {
		config[k] = v
	}
	return cty.ObjectVal(config)
}

func TestRunsCommand(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	if err := os.Mkdir(filepath.Join(work, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	out := start(t).Test("command", shell(`echo "seed $SEED"; echo warn >&2; basename "$PWD"`, map[string]cty.Value{
		"env": cty.MapVal(map[string]cty.Value{"SEED": cty.StringVal("7")}),
		"dir": cty.StringVal("sub"),
	}), plugintest.Options{WorkDir: work})
	if !out.Succeeded() {
		t.Fatal(out)
	}
	if got, want := string(out.Stdout), "seed 7\nsub\n"; got != want {
		t.Errorf("stdout is %q, want %q", got, want)
	}
	if got := string(out.Stderr); got != "warn\n" {
		t.Errorf("stderr is %q", got)
	}
	if !out.Outputs.GetAttr("passed").IsNull() {
		t.Errorf("without a report the counts are %#v", out.Outputs)
	}
}

func TestJUnitPasses(t *testing.T) {
	t.Parallel()
	out := start(t).Test("command", shell(`mkdir -p r; echo '`+onePassed+`' >r/TEST-1.xml; echo '`+onePassed+`' >r/TEST-2.xml`,
		map[string]cty.Value{"junit": cty.StringVal("r/TEST-*.xml")}))
	if !out.Succeeded() {
		t.Fatal(out)
	}
	if got := len(out.Result.GetReport().GetCases()); got != 4 {
		t.Errorf("the report has %d cases, want 4", got)
	}
	for name, want := range map[string]int64{"passed": 2, "failed": 0, "skipped": 2} {
		if got := out.Outputs.GetAttr(name); !got.RawEquals(cty.NumberIntVal(want)) {
			t.Errorf("%s is %#v, want %d", name, got, want)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script, junit string
		class         string
		code          int32
		want          []string
	}{
		"exit code": {script: "exit 3", class: "command_failed", code: 3, want: []string{"exit code 3"}},
		"signal":    {script: "kill -9 $$", class: "command_failed", code: 137, want: []string{"signal (killed)"}},
		"failing case, exit 0": {
			script: "echo '" + oneFailed + "' >r.xml", junit: "r.xml", class: "tests_failed",
			want: []string{"1 of 2 test cases failed", "exit code 0", "s b: 3 is not 4"},
		},
		"failing case, exit 1": {
			script: "echo '" + oneFailed + "' >r.xml; exit 1", junit: "r.xml", class: "tests_failed", code: 1,
			want: []string{"1 of 2 test cases failed"},
		},
		"all passed, exit 1": {
			script: "echo '" + onePassed + "' >r.xml; exit 1", junit: "r.xml", class: "command_failed", code: 1,
			want: []string{"exit code 1, although all 2 cases", "outside of the tests"},
		},
		"no report": {script: "true", junit: "r.xml", class: "report_missing", want: []string{`no JUnit report at "r.xml"`, "has not written it"}},
		"no report, exit 2": {
			script: "exit 2", junit: "r.xml", class: "command_failed", code: 2,
			want: []string{"exit code 2", "no JUnit report either"},
		},
		"no case":    {script: "echo '" + noneInside + "' >r.xml", junit: "r.xml", class: "no_tests", want: []string{"holds no test case"}},
		"not JUnit":  {script: "echo '<html/>' >r.xml", junit: "r.xml", class: "report_invalid", want: []string{"read r.xml", "<html>"}},
		"link out":   {script: "ln -s /etc/passwd r.xml", junit: "r.xml", class: "report_invalid", want: []string{"escapes"}},
		"named pipe": {script: "mkfifo r.xml", junit: "r.xml", class: "report_invalid", want: []string{"not a regular file"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			more := map[string]cty.Value{}
			if tt.junit != "" {
				more["junit"] = cty.StringVal(tt.junit)
			}
			out := start(t).Test("command", shell(tt.script, more))
			if out.Result.GetOutcome() != pluginv1.Outcome_OUTCOME_FAILED {
				t.Fatal(out)
			}
			f := out.Failure()
			if f.GetClass() != tt.class || f.GetExitCode() != tt.code {
				t.Errorf("class %q, exit code %d; want %q, %d", f.GetClass(), f.GetExitCode(), tt.class, tt.code)
			}
			for _, want := range tt.want {
				if all := f.GetSummary() + "\n" + f.GetDetail(); !strings.Contains(all, want) {
					t.Errorf("the message does not say %q:\n%s", want, all)
				}
			}
		})
	}
}

func TestStaleReportIsNoProof(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	if err := os.WriteFile(filepath.Join(work, "r.xml"), []byte(onePassed), 0o600); err != nil {
		t.Fatal(err)
	}
	out := start(t).Test("command", shell("true", map[string]cty.Value{"junit": cty.StringVal("r.xml")}), plugintest.Options{WorkDir: work})
	if f := out.Failure(); f.GetClass() != "report_missing" || !strings.Contains(f.GetSummary(), "older than the command") {
		t.Error(out)
	}
}

func TestCannotStart(t *testing.T) {
	t.Parallel()
	h := start(t)
	for class, config := range map[string]cty.Value{
		"command_not_started": cty.ObjectVal(map[string]cty.Value{"command": cty.ListVal([]cty.Value{cty.StringVal("no-such-program")})}),
		"dir_missing":         shell("true", map[string]cty.Value{"dir": cty.StringVal("nowhere")}),
	} {
		out := h.Test("command", config)
		if out.Result.GetOutcome() != pluginv1.Outcome_OUTCOME_ERROR || out.Failure().GetClass() != class {
			t.Errorf("want %s: %v", class, out)
		}
	}
}

// Opening the pipe waits for the command to open its end.
func TestCancel(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	pipe := filepath.Join(work, "running")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		_, err := os.ReadFile(pipe)
		cancel(errors.Join(errors.New("enough"), err))
	}()
	out := start(t).Test("command", shell("echo >running; sleep 1000", nil), plugintest.Options{WorkDir: work, Context: ctx})
	if out.Err == nil && out.Succeeded() {
		t.Errorf("a cancelled test succeeded: %v", out)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	diags := start(t).Validate("command", shell("true", map[string]cty.Value{"junit": cty.StringVal("../r.xml")}))
	if len(diags) != 1 || diags[0].Path[0] != sdk.Attr("junit") {
		t.Errorf("diagnostics are %v", diags)
	}
}
