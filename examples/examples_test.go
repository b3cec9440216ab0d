package examples

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestExamples runs each script in a copy of its example. Scripts that need
// more than the runner say so by a first line such as "[!cluster] skip".
func TestExamples(t *testing.T) {
	scripts, err := filepath.Glob("*/*/script.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("there are no scripts: %v", err)
	}
	env := &surroundings{t: t, bin: binaries(t), vendor: t.TempDir()}
	build(t, "plugins/acme", filepath.Join(env.vendor, "runner-plugin-acme"), ".")
	for _, script := range scripts {
		dir := filepath.Dir(script)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Files:               []string{script},
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Condition:           env.condition,
				Cmds:                env.commands(),
				Setup: func(e *testscript.Env) error {
					e.Cd = filepath.Join(e.WorkDir, filepath.Base(dir))
					if err := os.CopyFS(e.Cd, os.DirFS(dir)); err != nil {
						return fmt.Errorf("copy the example: %w", err)
					}
					// What a run in the tree has left behind is no part of it.
					return errors.Join(env.setup(e), os.RemoveAll(filepath.Join(e.Cd, "out")), os.RemoveAll(filepath.Join(e.Cd, "dist")))
				},
			})
		})
	}
}

// Every example has a README and a script, or nobody would find or trust it.
func TestExamplesAreComplete(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("*/*/")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		for _, name := range []string{"README.md", "script.txtar"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Errorf("%s has no %s", dir, name)
			}
		}
	}
}

// Modules of their own are not part of `go test ./...` at the root.
func TestExampleModules(t *testing.T) {
	t.Parallel()
	modules, err := filepath.Glob("*/*/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range modules {
		t.Run(filepath.Base(filepath.Dir(module)), func(t *testing.T) {
			t.Parallel()
			for _, args := range [][]string{{"vet", "./..."}, {"test", "./..."}} {
				cmd := exec.CommandContext(t.Context(), "go", args...)
				cmd.Dir = filepath.Dir(module)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
				}
			}
		})
	}
}

// binaries is the folder with the runner and its plugins: what make has built,
// or a build of this test's own.
func binaries(t *testing.T) string {
	t.Helper()
	if given := os.Getenv("STAGEGATE_BIN"); given != "" {
		return given
	}
	bin := t.TempDir()
	build(t, "..", filepath.Join(bin, "runner"), "./cmd/runner")
	for _, name := range []string{"build", "test", "policy", "deploy"} {
		build(t, "..", filepath.Join(bin, "runner-plugin-"+name), "./plugins/"+name)
	}
	return bin
}

func build(t *testing.T, dir, output, pkg string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", output, pkg)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s in %s: %v\n%s", pkg, dir, err, out)
	}
}
