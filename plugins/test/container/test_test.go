package container_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestContainer(t *testing.T) {
	l := newLab(t)
	for name, test := range map[string]func(*testing.T, lab){
		"output": output, "confined": confined, "files": files, "limits": limited, "failures": failures, "results": results,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, l)
			l.gone(t)
		})
	}
}

func output(t *testing.T, l lab) {
	got := start(t).Test("container", l.config(values{
		"env": cty.MapVal(values{"GREETING": cty.StringVal("hello")}),
	}, "env", "GREETING", ",", "env", "HOME", ",", "err", "oops", ",", "where"))
	if !got.Succeeded() || string(got.Stdout) != "hello\n/tmp\n/work\n" || string(got.Stderr) != "oops\n" {
		t.Error(got)
	}
	if !got.Outputs.GetAttr("passed").IsNull() || !got.Outputs.GetAttr("metrics").IsNull() {
		t.Errorf("outputs %#v", got.Outputs)
	}
}

// A container can do nothing but compute.
func confined(t *testing.T, l lab) {
	h := start(t)
	got := h.Test("container", l.config(nil, "user", ",", "status", "CapEff", ",", "status", "CapBnd", ",", "status", "NoNewPrivs", ",", "interfaces", ",",
		"write", "/etc/x", "x", ",", "write", "/work/x", "x", ",", "write", "/tmp/x", "x", ",", "cat", "/tmp/x", ",", "write", "/out/x", "y", ",", "cat", "/out/x"))
	want := "65534 65534\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nlo\n" +
		"write: open /etc/x: read-only file system\nwrite: open /work/x: read-only file system\nxy"
	if diff := cmp.Diff(want, string(got.Stdout)); diff != "" || !got.Succeeded() {
		t.Errorf("%s\n%s", got, diff)
	}
	open := h.Test("container", l.config(values{"network": cty.True, "user": cty.StringVal("7:8")}, "interfaces", ",", "user"))
	if !open.Succeeded() || string(open.Stdout) != "lo\neth0\n7 8\n" {
		t.Error(open)
	}
}

func files(t *testing.T, l lab) {
	h := start(t)
	dir := tree(t, map[string]string{"eval.py": "print", "data/a.csv": "1", "data/b.csv": "2", "data/skip/c.csv": "3", "secret": "s"})
	if err := os.Symlink("a.csv", filepath.Join(dir, "data/linked")); err != nil {
		t.Fatal(err)
	}
	digest := h.Store.AddBlob([]byte("weights"))
	artifact := sdk.Artifact{Name: "w", Digest: digest, Size: 7, Location: "blob:" + digest}.Value()
	got := h.Test("container", l.config(values{
		"inputs": words("eval.py", "data", "!data/skip"), "dir": cty.StringVal("data"),
		"artifacts": cty.MapVal(values{"/model/deep/w.bin": artifact, "/model/w.bin": artifact, "data/w.bin": artifact}),
	}, "where", ",", "cat", "/work/eval.py", ",", "cat", "a.csv", ",", "cat", "linked", ",", "cat", "w.bin", ",", "cat", "/model/w.bin", ",", "cat", "/model/deep/w.bin", ",",
		"out", ",", "cat", "skip/c.csv", ",", "cat", "/work/secret", ",", "write", "/model/x", "x", ",", "write", "/work/data/a.csv", "x"), plugintest.Options{WorkDir: dir})
	want := "/work/data\nprint11weightsweightsweights\ncat: open skip/c.csv: no such file or directory\ncat: open /work/secret: no such file or directory\n" +
		"write: open /model/x: read-only file system\nwrite: open /work/data/a.csv: read-only file system\n"
	if diff := cmp.Diff(want, string(got.Stdout)); diff != "" || !got.Succeeded() {
		t.Errorf("%s\n%s", got, diff)
	}
}

func limited(t *testing.T, l lab) {
	h := start(t)
	limits := func(pairs values) values { return values{"limits": cty.ObjectVal(pairs)} }
	got := h.Test("container", l.config(limits(values{"memory": cty.StringVal("32MiB")}), "out", "hungry", ",", "eat", "500"))
	if f := got.Failure(); f.GetClass() != "out_of_memory" || !strings.Contains(f.GetSummary(), "its limit of 32MiB") || !strings.Contains(f.GetDetail(), "hungry") || f.GetExitCode() != 137 {
		t.Error(got)
	}
	// The engine may hear too late of what the kernel has done.
	got = h.Test("container", l.config(limits(values{"memory": cty.StringVal("32MiB")}), "exit", "137"))
	if f := got.Failure(); f.GetClass() != "out_of_memory" || !strings.Contains(f.GetSummary(), "most likely for more memory than its limit of 32MiB") {
		t.Error(got)
	}
	if got = h.Test("container", l.config(nil, "exit", "137")); got.Failure().GetClass() != "command_failed" {
		t.Error(got)
	}
	got = h.Test("container", l.config(limits(values{"pids": cty.NumberIntVal(30)}), "fork", "100"))
	if !strings.Contains(string(got.Stdout), "resource temporarily unavailable") {
		t.Error(got)
	}
	got = h.Test("container", l.config(limits(values{"tmp": cty.StringVal("4KiB")}), "write", "/tmp/x", strings.Repeat("x", 10_000)))
	if !strings.Contains(string(got.Stdout), "no space left") {
		t.Error(got)
	}
	// No machine of these tests has a GPU: what counts is who is asked for one.
	got = h.Test("container", l.config(limits(values{"gpus": cty.StringVal("1")}), "out", "x"))
	if f := got.Failure(); f.GetClass() != "gpu_unavailable" || got.Result.GetOutcome() != pluginv1.Outcome_OUTCOME_ERROR {
		t.Error(got)
	}
}

func failures(t *testing.T, l lab) {
	h := start(t)
	missing := "sha256:" + strings.Repeat("0", 64)
	for name, tc := range map[string]struct {
		config cty.Value
		class  string
		code   int32
		want   string
	}{
		"exit code":    {l.config(nil, "out", "no luck", ",", "exit", "3"), "command_failed", 3, "no luck"},
		"no program":   {l.config(values{"command": words("/nothing")}), "command_not_started", 0, `"/nothing"`},
		"not in PATH":  {l.config(values{"command": words("nothing")}), "command_not_started", 0, `"nothing"`},
		"no image":     {l.config(values{"image": cty.StringVal(missing)}), "image_missing", 0, "build.docker"},
		"no registry":  {l.config(values{"image": cty.StringVal("127.0.0.1:1/x@" + missing)}), "image_missing", 0, "docker login 127.0.0.1:1"},
		"no input":     {l.config(values{"inputs": words("nowhere")}), "input_missing", 0, "nowhere"},
		"no folder":    {l.config(values{"dir": cty.StringVal("nowhere")}), "dir_missing", 0, "nowhere"},
		"user unknown": {l.config(values{"user": cty.StringVal("ada")}), "container_not_started", 0, "ada"},
	} {
		got := h.Test("container", tc.config)
		f := got.Failure()
		if f.GetClass() != tc.class || f.GetExitCode() != tc.code || !strings.Contains(f.GetSummary()+f.GetDetail(), tc.want) {
			t.Errorf("%s: %s; want class %s with %q", name, got, tc.class, tc.want)
		}
	}
}

const (
	passed = `<testsuite name="s"><testcase name="a"/></testsuite>`
	failed = `<testsuite name="s"><testcase name="b"><failure message="3 is not 4"/></testcase></testsuite>`
)

// What the command leaves is read from /out, and nothing but files of its own.
func results(t *testing.T, l lab) {
	h := start(t)
	junit := func(p string) values { return values{"junit": cty.StringVal(p)} }
	metrics := func(p string, least float64) values {
		return values{"metrics_file": cty.StringVal(p), "threshold": cty.MapVal(values{"accuracy": cty.ObjectVal(values{"min": cty.NumberFloatVal(least)})})}
	}
	for name, tc := range map[string]struct {
		more    values
		command []string
		class   string
		want    string
	}{
		"reports pass":   {junit("r/TEST-*.xml"), []string{"mkdir", "/out/r", ",", "write", "/out/r/TEST-1.xml", passed, ",", "write", "/out/r/other.xml", failed}, "", ""},
		"a case fails":   {junit("*.xml"), []string{"write", "/out/1.xml", passed, ",", "write", "/out/2.xml", failed}, "tests_failed", "1 of 2 test cases"},
		"no report":      {junit("r.xml"), []string{"out", "x"}, "report_missing", "starts in /out"},
		"not there":      {junit("a/b/*.xml"), []string{"out", "x"}, "report_missing", "has not written"},
		"link":           {junit("r.xml"), []string{"write", "/out/real", passed, ",", "link", "real", "/out/r.xml"}, "report_invalid", "symbolic link"},
		"folder's link":  {junit("r/x.xml"), []string{"link", "/proc", "/out/r"}, "report_invalid", "symbolic link"},
		"glob link":      {junit("*.xml"), []string{"link", "/etc/passwd", "/out/r.xml"}, "report_invalid", "symbolic link"},
		"hard link":      {junit("b.xml"), []string{"write", "/out/a.xml", passed, ",", "hardlink", "/out/a.xml", "/out/b.xml"}, "", ""},
		"pipe":           {junit("r.xml"), []string{"fifo", "/out/r.xml"}, "report_invalid", "special file"},
		"folder":         {junit("r.xml"), []string{"mkdir", "/out/r.xml"}, "report_invalid", "is a folder"},
		"metrics pass":   {metrics("m.json", 0.9), []string{"write", "/out/m.json", `{"accuracy":0.95}`}, "", ""},
		"metrics missed": {metrics("m.json", 0.99), []string{"write", "/out/m.json", `{"accuracy":0.95}`}, "threshold_missed", "accuracy"},
		"other metric":   {metrics("m.json", 0.9), []string{"write", "/out/m.json", `{"loss":0.95}`}, "threshold_missed", "not reported"},
		"no metrics":     {metrics("m.json", 0.9), []string{"out", "x"}, "metrics_missing", "/out"},
		"empty metrics":  {metrics("m.json", 0.9), []string{"write", "/out/m.json", ""}, "metrics_invalid", "m.json"},
		"NaN":            {metrics("m.json", 0.9), []string{"write", "/out/m.json", `{"accuracy":NaN}`}, "metrics_invalid", "m.json"},
		"huge metrics":   {metrics("m.json", 0.9), []string{"write", "/out/m.json", `{"accuracy":1}`, ",", "grow", "/out/m.json", "1000000000000"}, "metrics_invalid", "more than"},
		"exit code wins": {metrics("m.json", 0.9), []string{"write", "/out/m.json", `{"accuracy":0.95}`, ",", "exit", "1"}, "command_failed", "exit code 1"},
	} {
		got := h.Test("container", l.config(tc.more, tc.command...))
		f := got.Failure()
		if f.GetClass() != tc.class || !strings.Contains(f.GetSummary()+f.GetDetail(), tc.want) || (tc.class == "") != got.Succeeded() {
			t.Errorf("%s: %s; want class %q with %q", name, got, tc.class, tc.want)
		}
		if strings.HasPrefix(name, "metrics") && len(got.Result.GetReport().GetThresholds()) != 1 {
			t.Errorf("%s: report %v", name, got.Result.GetReport())
		}
	}
}
