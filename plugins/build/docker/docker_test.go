package docker_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/build/docker"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/plugins/internal/engine/enginetest"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/stagegate/stagegate/sdk/plugintest"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func start(t testing.TB) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "build", Version: "0.0.1", Builders: []sdk.Builder{docker.Builder{}}})
}

func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// program compiles a static program, so that an image without a base can run
// something.
func program(t testing.TB, dir, source string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", filepath.Join(dir, "program"), file)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func object(pairs map[string]cty.Value) cty.Value { return cty.ObjectVal(pairs) }

func TestBuild(t *testing.T) {
	e := enginetest.Require(t)
	dir := tree(t, map[string]string{
		"app/Dockerfile":    "FROM scratch AS one\nARG WHO=nobody\nCOPY . /data/\nLABEL who=$WHO\nFROM one\nLABEL second=yes\n",
		"app/wanted":        "x",
		"app/ignored":       "x",
		"app/.dockerignore": "ignored\n",
	})
	got := start(t).Build("docker", object(map[string]cty.Value{
		"context": cty.StringVal("app"), "target": cty.StringVal("one"),
		"build_args": cty.MapVal(map[string]cty.Value{"WHO": cty.StringVal("ada")}),
		"labels":     cty.MapVal(map[string]cty.Value{"org.opencontainers.image.revision": cty.StringVal("abc")}),
		"tags":       cty.ListVal([]cty.Value{cty.StringVal("stagegate-test:build")}),
	}), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	e.RemoveLater("stagegate-test:build")
	a := sdk.ArtifactOf(got.Outputs.GetAttr("artifact"))
	id := got.Outputs.GetAttr("image_id").AsString()
	if a.Digest != id || a.Location != "docker-image:"+id || a.MediaType != "application/vnd.docker.container.image.v1+json" || a.Size == 0 {
		t.Errorf("artifact %+v", a)
	}
	tagged, labels := e.Image("stagegate-test:build")
	if tagged != id {
		t.Errorf("tagged %s", tagged)
	}
	want := map[string]string{"who": "ada", "org.opencontainers.image.revision": "abc"}
	if diff := cmp.Diff(want, labels); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(got.Stdout), "Step 3/") {
		t.Errorf("the log is not passed on: %s", got.Stdout)
	}
}

func TestPush(t *testing.T) {
	e := enginetest.Require(t)
	server := ocitest.StartPlain(t, nil) // the engine takes loopback without TLS
	dir := tree(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
	got := start(t).Build("docker", object(map[string]cty.Value{
		"registry": object(map[string]cty.Value{"repository": cty.StringVal(server.Host + "/team/app"), "tag": cty.StringVal("1.0")}),
	}), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	e.RemoveLater(server.Host + "/team/app:1.0")
	a := sdk.ArtifactOf(got.Outputs.GetAttr("artifact"))
	if a.Location != "oci://"+server.Host+"/team/app@"+a.Digest || got.Outputs.GetAttr("reference").AsString() != server.Host+"/team/app@"+a.Digest {
		t.Errorf("artifact %+v", a)
	}
	if status, body := server.Get(t, "team/app/manifests/"+a.Digest); status != http.StatusOK || !strings.Contains(string(body), a.MediaType) {
		t.Errorf("%d %s", status, body)
	}
	want := map[string]string{sdk.AnnotationRegistryHost: server.Host, sdk.AnnotationEncryption: "absent"}
	if diff := cmp.Diff(want, a.Annotations); diff != "" {
		t.Errorf("the engine would go without TLS here, so nothing may be said of it: %s", diff)
	}
}

func TestPushRefused(t *testing.T) {
	e := enginetest.Require(t)
	server := ocitest.StartPlain(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	})
	dir := tree(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
	got := start(t).Build("docker", object(map[string]cty.Value{
		"registry": object(map[string]cty.Value{"repository": cty.StringVal(server.Host + "/app"), "tag": cty.StringVal("1.0")}),
	}), plugintest.Options{WorkDir: dir})
	e.RemoveLater(server.Host + "/app:1.0")
	if got.Failure().GetClass() != "push_failed" {
		t.Error(got)
	}
}

func TestFailingStep(t *testing.T) {
	enginetest.Require(t)
	dir := tree(t, map[string]string{"Dockerfile": "FROM scratch\nLABEL stagegate-test=failing\nCOPY program /\nRUN [\"/program\"]\n"})
	program(t, dir, "package main\nimport \"os\"\nfunc main() { println(\"no luck\"); os.Exit(7) }\n")
	got := start(t).Build("docker", object(nil), plugintest.Options{WorkDir: dir})
	f := got.Failure()
	if f.GetClass() != "build_failed" || f.GetExitCode() != 7 || got.Result.GetOutcome() != pluginv1.Outcome_OUTCOME_FAILED || !strings.Contains(f.GetSummary(), "Step 4/4 : RUN") {
		t.Error(got)
	}
	if !strings.Contains(string(got.Stdout), "no luck") {
		t.Errorf("the step's words are lost: %s", got.Stdout)
	}
}

// A cancelled build stops the step that runs and leaves no container.
func TestCancel(t *testing.T) {
	e := enginetest.Require(t)
	var stopped atomic.Bool
	dir := tree(t, map[string]string{"Dockerfile": "FROM scratch\nLABEL stagegate-test=cancel\nCOPY program /\nRUN [\"/program\"]\n"})
	program(t, dir, "package main\nimport \"time\"\nfunc main() { println(\"running\"); time.Sleep(time.Hour) }\n")
	ctx, cancel := context.WithCancelCause(t.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for !stopped.Load() && e.Containers("stagegate-test=cancel") == 0 {
			continue // the engine answers at its own pace
		}
		cancel(errors.New("enough"))
	}()
	got := start(t).Build("docker", object(map[string]cty.Value{"no_cache": cty.True}), plugintest.Options{WorkDir: dir, Context: ctx})
	stopped.Store(true)
	<-watched
	if got.Succeeded() {
		t.Error(got)
	}
	for e.Containers("stagegate-test=cancel") > 0 {
		if t.Context().Err() != nil {
			t.Fatal("a container is left")
		}
	}
}

func TestNoEngine(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	got := start(t).Build("docker", object(nil), plugintest.Options{WorkDir: tree(t, map[string]string{"Dockerfile": "FROM scratch\n"})})
	f := got.Failure()
	if f.GetClass() != "engine_unreachable" || !strings.Contains(f.GetSummary(), socket) || !strings.Contains(f.GetDetail(), "DOCKER_HOST") {
		t.Error(got)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	outside := tree(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	dir := tree(t, map[string]string{"app/file": "x"})
	if err := os.Symlink(filepath.Join(outside, "Dockerfile"), filepath.Join(dir, "app/Linked")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ context, dockerfile, class string }{
		"no Dockerfile":     {"app", "", "dockerfile_unusable"},
		"linked Dockerfile": {"app", "Linked", "dockerfile_unusable"},
		"no context":        {"nowhere", "", "context_unusable"},
		"linked context":    {"linked", "", "context_unusable"},
		"file as context":   {"app/file", "", "context_unusable"},
	} {
		config := map[string]cty.Value{"context": cty.StringVal(tc.context)}
		if tc.dockerfile != "" {
			config["dockerfile"] = cty.StringVal(tc.dockerfile)
		}
		got := start(t).Build("docker", object(config), plugintest.Options{WorkDir: dir})
		if got.Failure().GetClass() != tc.class {
			t.Errorf("%s: %s, want class %s", name, got, tc.class)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	h := start(t)
	one := func(name, value string) map[string]cty.Value { return map[string]cty.Value{name: cty.StringVal(value)} }
	registry := func(pairs map[string]cty.Value) map[string]cty.Value {
		return map[string]cty.Value{"registry": object(pairs)}
	}
	for name, tc := range map[string]struct {
		config map[string]cty.Value
		path   sdk.Path
		want   string
	}{
		"context":          {one("context", "../x"), sdk.At(sdk.Attr("context")), "unusable build context"},
		"Dockerfile up":    {one("dockerfile", "../Dockerfile"), sdk.At(sdk.Attr("dockerfile")), "unusable Dockerfile"},
		"absolute":         {one("dockerfile", "/etc/passwd"), sdk.At(sdk.Attr("dockerfile")), "unusable Dockerfile"},
		"tag":              {map[string]cty.Value{"tags": cty.ListVal([]cty.Value{cty.StringVal("UPPER CASE")})}, sdk.At(sdk.Attr("tags"), sdk.Index(0)), "unusable tag"},
		"repository":       {registry(one("repository", "app")), sdk.At(sdk.Attr("registry"), sdk.Attr("repository")), "unusable repository"},
		"tag of the push":  {registry(map[string]cty.Value{"repository": cty.StringVal("example.com/app"), "tag": cty.StringVal("a b")}), sdk.At(sdk.Attr("registry"), sdk.Attr("tag")), "unusable tag"},
		"secret as an ARG": {map[string]cty.Value{"build_args": cty.MapVal(map[string]cty.Value{"T": cty.StringVal("s3cret").Mark(dynamic.Sensitive)})}, sdk.At(sdk.Attr("build_args")), "a secret in a build argument"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := h.Validate("docker", object(tc.config))
			if len(diags) != 1 || diags[0].Summary != tc.want || diags[0].Detail == "" {
				t.Fatalf("diagnostics %+v, want one %q", diags, tc.want)
			}
			if diff := cmp.Diff(tc.path, diags[0].Path); diff != "" {
				t.Error(diff)
			}
		})
	}
}
