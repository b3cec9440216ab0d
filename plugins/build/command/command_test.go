package command_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/build/command"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func start(t testing.TB) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "build", Version: "0.0.1", Builders: []sdk.Builder{command.Builder{}}})
}

func words(w ...string) cty.Value {
	out := make([]cty.Value, len(w))
	for i, s := range w {
		out[i] = cty.StringVal(s)
	}
	return cty.ListVal(out)
}

func config(script string, more map[string]cty.Value) cty.Value {
	fields := map[string]cty.Value{"command": words("sh", "-c", script)}
	for k, v := range more {
		fields[k] = v
	}
	return cty.ObjectVal(fields)
}

func object(pairs ...string) cty.Value {
	out := make(map[string]cty.Value)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = cty.StringVal(pairs[i+1])
	}
	return cty.ObjectVal(out)
}

func TestOutputsBecomeArtifacts(t *testing.T) {
	t.Parallel()
	h := start(t)
	got := h.Build("command", config(`mkdir out; printf weights >out/w.bin; printf '{}' >out/c.json; echo made; echo oops >&2`,
		map[string]cty.Value{"outputs": object("weights", "out/w.bin", "config", "./out/c.json")}))
	if !got.Succeeded() {
		t.Fatal(got)
	}
	if string(got.Stdout) != "made\n" || string(got.Stderr) != "oops\n" {
		t.Errorf("output is not passed on: %s", got)
	}
	weights := sdk.ArtifactOf(got.Outputs.GetAttr("artifacts").Index(cty.StringVal("weights")))
	want := sdk.Artifact{
		Name: "weights", MediaType: "application/octet-stream", Size: 7,
		Digest: h.Store.AddBlob([]byte("weights")),
	}
	want.Location = "blob:" + want.Digest
	if diff := cmp.Diff(want, weights); diff != "" {
		t.Error(diff)
	}
	if files := got.Outputs.GetAttr("files"); files.Index(cty.StringVal("config")).AsString() != "out/c.json" {
		t.Errorf("files: %#v", files)
	}
	if len(got.Artifacts) != 2 || got.Artifacts[0].GetMediaType() != "application/json" {
		t.Errorf("announced: %v", got.Artifacts)
	}
}

func TestOutputsAsList(t *testing.T) {
	t.Parallel()
	got := start(t).Build("command", config(`printf x >a.txt`, map[string]cty.Value{"outputs": cty.TupleVal([]cty.Value{cty.StringVal("a.txt")})}))
	if !got.Succeeded() {
		t.Fatal(got)
	}
	if _, ok := got.Outputs.GetAttr("artifacts").AsValueMap()["a.txt"]; !ok {
		t.Errorf("outputs: %#v", got.Outputs)
	}
}

func TestEnvironmentAndFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	got := start(t).Build("command", config(`printf '%s in %s' "$GREETING" "$(basename "$PWD")"`, map[string]cty.Value{
		"env": cty.MapVal(map[string]cty.Value{"GREETING": cty.StringVal("hello")}), "dir": cty.StringVal("sub"),
	}), plugintest.Options{WorkDir: dir})
	if want := "hello in sub"; !got.Succeeded() || string(got.Stdout) != want {
		t.Errorf("%s, want %q", got, want)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := func(path string) map[string]cty.Value { return map[string]cty.Value{"outputs": object("f", path)} }
	for name, tc := range map[string]struct {
		script  string
		more    map[string]cty.Value
		class   string
		summary string
		exit    int32
		outcome pluginv1.Outcome
	}{
		"exit code":      {"exit 3", nil, "command_failed", "exit code 3", 3, pluginv1.Outcome_OUTCOME_FAILED},
		"signal":         {"kill -KILL $$", nil, "command_failed", "killed", 137, pluginv1.Outcome_OUTCOME_FAILED},
		"missing output": {"true", file("nothing"), "output_missing", `"nothing"`, 0, pluginv1.Outcome_OUTCOME_FAILED},
		"empty output":   {": >f", file("f"), "output_empty", "is empty", 0, pluginv1.Outcome_OUTCOME_FAILED},
		"folder output":  {"mkdir f", file("f"), "output_missing", "a folder", 0, pluginv1.Outcome_OUTCOME_FAILED},
		"pipe output":    {"mkfifo f", file("f"), "output_missing", "a named pipe", 0, pluginv1.Outcome_OUTCOME_FAILED},
		"link out":       {"ln -s " + outside + " f", file("f"), "output_outside", "symbolic link", 0, pluginv1.Outcome_OUTCOME_FAILED},
		"folder out":     {"ln -s " + filepath.Dir(outside) + " d", file("d/secret"), "output_outside", "symbolic link", 0, pluginv1.Outcome_OUTCOME_FAILED},
		"no folder":      {"true", map[string]cty.Value{"dir": cty.StringVal("nowhere")}, "dir_unusable", `"nowhere"`, 0, pluginv1.Outcome_OUTCOME_FAILED},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := start(t).Build("command", config(tc.script, tc.more))
			f := got.Failure()
			if f.GetClass() != tc.class || !strings.Contains(f.GetSummary(), tc.summary) || f.GetExitCode() != tc.exit || got.Result.GetOutcome() != tc.outcome {
				t.Errorf("%s; want class %s, %q, exit %d, %s", got, tc.class, tc.summary, tc.exit, tc.outcome)
			}
			if len(got.Artifacts) != 0 {
				t.Errorf("artifacts of a failed stage: %v", got.Artifacts)
			}
		})
	}
}

func TestProgramNotFound(t *testing.T) {
	t.Parallel()
	got := start(t).Build("command", cty.ObjectVal(map[string]cty.Value{"command": words("no-such-program-here")}))
	if got.Failure().GetClass() != "command_not_started" || got.Result.GetOutcome() != pluginv1.Outcome_OUTCOME_ERROR {
		t.Error(got)
	}
}

func TestCancelStopsTheCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	pipe := filepath.Join(dir, "running")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = os.ReadFile(pipe) // returns when the command says that it runs
		cancel(errors.New("enough"))
	}()
	got := start(t).Build("command", config("echo yes >running; sleep 600", nil), plugintest.Options{Context: ctx, WorkDir: dir})
	if got.Succeeded() {
		t.Error(got)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	h := start(t)
	for name, tc := range map[string]struct {
		config cty.Value
		path   sdk.Path
		want   string
	}{
		"empty command":  {cty.ObjectVal(map[string]cty.Value{"command": cty.ListValEmpty(cty.String)}), sdk.At(sdk.Attr("command")), "no command"},
		"empty program":  {cty.ObjectVal(map[string]cty.Value{"command": words("")}), sdk.At(sdk.Attr("command")), "no command"},
		"NUL":            {cty.ObjectVal(map[string]cty.Value{"command": words("a", "b\x00")}), sdk.At(sdk.Attr("command"), sdk.Index(1)), "unusable argument"},
		"dir outside":    {config("true", map[string]cty.Value{"dir": cty.StringVal("../x")}), sdk.At(sdk.Attr("dir")), "unusable folder"},
		"env name":       {config("true", map[string]cty.Value{"env": cty.MapVal(map[string]cty.Value{"A=B": cty.StringVal("c")})}), sdk.At(sdk.Attr("env"), sdk.Key("A=B")), "unusable variable name"},
		"reserved":       {config("true", map[string]cty.Value{"env": cty.MapVal(map[string]cty.Value{"RUNNER_ATTEMPT": cty.StringVal("c")})}), sdk.At(sdk.Attr("env"), sdk.Key("RUNNER_ATTEMPT")), "unusable variable name"},
		"output outside": {config("true", map[string]cty.Value{"outputs": object("a", "/etc/passwd")}), sdk.At(sdk.Attr("outputs"), sdk.Key("a")), "unusable output"},
		"output number":  {config("true", map[string]cty.Value{"outputs": cty.ObjectVal(map[string]cty.Value{"a": cty.NumberIntVal(1)})}), sdk.At(sdk.Attr("outputs"), sdk.Key("a")), "unusable output"},
		"same base name": {config("true", map[string]cty.Value{"outputs": cty.TupleVal([]cty.Value{cty.StringVal("a/f"), cty.StringVal("b/f")})}), sdk.At(sdk.Attr("outputs"), sdk.Index(1)), "unusable output"},
		"outputs string": {config("true", map[string]cty.Value{"outputs": cty.StringVal("a")}), sdk.At(sdk.Attr("outputs")), "unusable outputs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := h.Validate("command", tc.config)
			if len(diags) != 1 || diags[0].Summary != tc.want {
				t.Fatalf("diagnostics %+v, want one %q", diags, tc.want)
			}
			if diff := cmp.Diff(tc.path, diags[0].Path); diff != "" {
				t.Error(diff)
			}
		})
	}
	fine := config("true", map[string]cty.Value{"outputs": cty.ObjectVal(map[string]cty.Value{"a": cty.UnknownVal(cty.String), "b": cty.StringVal("not/yet/there")})})
	if diags := h.Validate("command", fine); len(diags) != 0 {
		t.Errorf("a file that no stage has made yet is refused: %+v", diags)
	}
}

// BenchmarkTrivial is the cost of a stage that does nothing, without the
// runner: compare with a bare fork and exec.
func BenchmarkTrivial(b *testing.B) {
	h := start(b)
	dir := b.TempDir()
	trivial := cty.ObjectVal(map[string]cty.Value{"command": words("/bin/true")})
	for b.Loop() {
		if got := h.Build("command", trivial, plugintest.Options{WorkDir: dir}); !got.Succeeded() {
			b.Fatal(got)
		}
	}
}
