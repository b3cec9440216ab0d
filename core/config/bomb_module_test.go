package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/diag"
)

// calls are n module blocks of one source.
func calls(n int, source, inside string) string {
	return numbered(n, "module \"m%d\" {\n  source = \""+source+"\"\n"+inside+"\n}\n")
}

const stageBlock = "stage \"s%d\" {\n  uses = \"test.command\"\n  with { command = [] }\n}\n"

// TestModuleBombs is TestBombs for modules: each file stands for as many as it
// is used.
func TestModuleBombs(t *testing.T) { //nolint:paralleltest // measures allocation
	many := strings.Repeat
	const head = "pipeline \"p\" {}\n"
	type files = map[string]string
	levels := files{"main.hcl": head + calls(10, "./m1", "")}
	for i := range 8 {
		levels[fmt.Sprintf("m%d/a.hcl", i+1)] = calls(10, fmt.Sprintf("../m%d", i+2), "")
	}
	levels["m9/a.hcl"] = fmt.Sprintf(stageBlock, 0)
	siblings := head + "module \"m0\" {\n  source = \"./m\"\n  v = 1\n}\n"
	for i := range 990 {
		siblings += fmt.Sprintf("module \"m%d\" {\n  source = \"./m\"\n  v = module.m%d.o\n}\n", i+1, i)
	}
	pass := "variable \"v\" {}\noutput \"o\" { value = var.v }\n"
	for _, bomb := range []struct {
		name  string
		files files
		want  string
	}{
		{"itself", files{"main.hcl": head + calls(1, "./", "")}, "Module uses itself"},
		{"itself a thousand times", files{"main.hcl": head + calls(1000, "./", "")}, "Module uses itself"},
		{"each other", files{"main.hcl": head + calls(10, "./a", ""), "a/a.hcl": calls(10, "../b", ""), "b/b.hcl": calls(10, "../a", "")}, "Module uses itself"},
		{"ten in each of eight levels", levels, "Too many modules"},
		{"a thousand of ten thousand stages", files{"main.hcl": head + calls(1000, "./m", ""), "m/a.hcl": numbered(10_000, stageBlock)}, "Pipeline too large|Too many stages"},
		{"a thousand of twenty stages", files{"main.hcl": head + calls(1000, "./m", ""), "m/a.hcl": numbered(20, stageBlock)}, "Too many stages"},
		{"a thousand of many locals", files{"main.hcl": head + calls(1000, "./m", ""), "m/a.hcl": "locals {\n" + numbered(50_000, "l%d = 1\n") + "}\n"}, "Pipeline too large"},
		{"a thousand of many mistakes", files{"main.hcl": head + calls(1000, "./m", ""), "m/a.hcl": many("x y\n", 50_000)}, "Too many problems"},
		{"a thousand of many unknown blocks", files{"main.hcl": head + calls(1000, "./m", ""), "m/a.hcl": many("x {}\n", 400)}, "Too many problems"},
		{"inputs through a thousand", files{"main.hcl": siblings, "m/a.hcl": pass}, ""},
		{"late inputs through a thousand", files{
			"main.hcl": strings.Replace(siblings, "v = 1", "v = stage.s", 1) + "stage \"s\" {\n  uses = \"test.command\"\n" + command + "}\n" + numbered(5_000, "stage \"t%d\" {\n  uses = \"test.command\"\n  when = module.m990.o == null\n"+command+"}\n"), "m/a.hcl": pass,
		}, "too expensive"},
		{"all outputs, many times", files{"main.hcl": head + calls(1, "./m", "") + "locals {\n" + numbered(30_000, "l%d = module.m0\n") + "}\n", "m/a.hcl": numbered(25_000, "output \"o%d\" { value = 1 }\n")}, "Too many dependencies"},
		{"all outputs, in all stages", files{"main.hcl": head + calls(1, "./m", "") + numbered(6_000, "stage \"s%d\" {\n  uses = \"test.command\"\n  when = length(module.m0) > 0\n"+command+"}\n"), "m/a.hcl": numbered(25_000, "output \"o%d\" { value = 1 }\n")}, "Too many dependencies"},
		{"stages that need all of a module", files{"main.hcl": head + calls(1, "./m", "") + numbered(4_000, "stage \"s%d\" {\n  uses = \"test.command\"\n  needs = [module.m0]\n"+command+"}\n"), "m/a.hcl": numbered(4_000, stageBlock)}, "Too many dependencies"},
		{"modules that need all of a module", files{"main.hcl": head + calls(1, "./m", "") + numbered(40, "module \"n%d\" {\n  source = \"./n\"\n  needs = [module.m0]\n}\n"), "m/a.hcl": numbered(4_000, stageBlock), "n/a.hcl": numbered(20, stageBlock)}, "Too many dependencies"},
		{"a module that needs one many times", files{"main.hcl": head + "module \"m\" {\n  source = \"./m\"\n  needs = [" + many("stage.s, ", 60_000) + "]\n}\n" + strings.Replace(stageBlock, "s%d", "s", 1), "m/a.hcl": numbered(9_000, stageBlock)}, "Too many dependencies"},
		{"many rules of an input", files{"main.hcl": head + calls(500, "./m", "v = 1"), "m/a.hcl": "variable \"v\" {\n" + many("validation {\n  condition = var.v > 0\n  error_message = \"x\"\n}\n", 100) + "}\n"}, ""},
		{"expensive rules of an input", files{"main.hcl": head + calls(900, "./m", "v = 1"), "m/a.hcl": "variable \"v\" {\n  validation {\n  condition = length([for i in range(1000) : \"${i} ${var.v}\"]) > 0\n  error_message = \"x\"\n}\n}\n"}, "too expensive"},
		{"sensitive elements as an input", files{"main.hcl": head + "variable \"k\" {\n  default = \"x\"\n  sensitive = true\n}\nlocals {\n  l = [for x in split(\",\", \"" + many(",", 9_000) + "\") : var.k]\n}\n" + calls(1, "./m", "v = local.l"), "m/a.hcl": "variable \"v\" { type = list(string) }\n"}, ""},
	} {
		t.Run(bomb.name, func(t *testing.T) { //nolint:paralleltest // measures allocation
			dir := t.TempDir()
			for name, text := range bomb.files {
				put(t, filepath.Join(dir, name), text)
			}
			in := config.Inputs{Plugins: plugins(t)}
			detonate(t, bomb.want, func() diag.List { return explode(dir, in) })
		})
	}
}

// TestTreeBombs is TestBombs for what files and folders can be.
func TestTreeBombs(t *testing.T) { //nolint:paralleltest // measures allocation
	const head = "pipeline \"p\" {}\n"
	sparse := func(t *testing.T, path string, size int64) {
		t.Helper()
		put(t, path, "")
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
	}
	link := func(t *testing.T, to, path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
	}
	for _, bomb := range []struct {
		name  string
		plant func(t *testing.T, dir string)
		want  string
	}{
		{"fifty megabytes", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+"# "+strings.Repeat("x", 50<<20))
		}, "File too large"},
		{"fifty gigabytes with nothing in them", func(t *testing.T, dir string) {
			t.Helper()
			sparse(t, filepath.Join(dir, "a.hcl"), 50<<30)
		}, "File too large"},
		{"five hundred megabytes in files", func(t *testing.T, dir string) {
			t.Helper()
			for i := range 500 {
				sparse(t, filepath.Join(dir, fmt.Sprintf("a%d.hcl", i)), 1<<20)
			}
		}, "Pipeline too large|Too many tokens"},
		{"a million names in four files", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "p.hcl"), head)
			for i := range 4 {
				put(t, filepath.Join(dir, fmt.Sprintf("a%d.hcl", i)), "locals {\n"+numbered(60_000, fmt.Sprintf("l%d_%%d = 1\n", i))+"}\n")
			}
		}, ""},
		{"a module of many files", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+calls(1000, "./m", ""))
			for i := range 10_000 {
				put(t, filepath.Join(dir, "m", fmt.Sprintf("a%d.hcl", i)), "")
			}
		}, "Module cannot be read"},
		{"a module among a hundred thousand files", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+calls(1000, "./m", ""))
			if err := os.Mkdir(filepath.Join(dir, "m"), 0o755); err != nil {
				t.Fatal(err)
			}
			from := ""
			for i := range 100_001 {
				to := filepath.Join(dir, "m", fmt.Sprint(i))
				if i%30_000 == 0 { // a file may have 65,000 names
					from = to
					put(t, to, "")
				} else if err := os.Link(from, to); err != nil {
					t.Skipf("make links: %v", err)
				}
			}
		}, "Module cannot be read"},
		{"a module that is a link out of the tree", func(t *testing.T, dir string) {
			t.Helper()
			outside := t.TempDir()
			put(t, filepath.Join(outside, "a.hcl"), "")
			put(t, filepath.Join(dir, "a.hcl"), head+calls(1, "./m", ""))
			link(t, outside, filepath.Join(dir, "m"))
		}, "Module cannot be read"},
		{"a file that is a link out of the tree", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+calls(1, "./m", ""))
			link(t, "/etc/passwd", filepath.Join(dir, "m", "a.hcl"))
		}, "Pipeline file cannot be read"},
		{"links in a circle", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+calls(1, "./m", ""))
			link(t, "n", filepath.Join(dir, "m"))
			link(t, "m", filepath.Join(dir, "n"))
		}, "Module cannot be read"},
		{"itself under other names", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+calls(1, "./m", ""))
			put(t, filepath.Join(dir, "m", "a.hcl"), calls(10, "./again", ""))
			link(t, ".", filepath.Join(dir, "m", "again"))
		}, "Module uses itself"},
		{"the pipeline under another name", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+calls(10, "./again", ""))
			link(t, ".", filepath.Join(dir, "again"))
		}, "Module uses itself"},
		{"a pipe in a module", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+calls(1, "./m", ""))
			if err := os.Mkdir(filepath.Join(dir, "m"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(filepath.Join(dir, "m", "a.hcl"), 0o600); err != nil {
				t.Skipf("make a pipe: %v", err)
			}
		}, "Pipeline file cannot be read"},
		{"a pipe for a module", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+calls(1, "./m", ""))
			if err := syscall.Mkfifo(filepath.Join(dir, "m"), 0o600); err != nil {
				t.Skipf("make a pipe: %v", err)
			}
		}, "Module cannot be read"},
		{"a pipe that is read", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+"locals {\n  a = file(\"p\")\n}\n")
			if err := syscall.Mkfifo(filepath.Join(dir, "p"), 0o600); err != nil {
				t.Skipf("make a pipe: %v", err)
			}
		}, "function"},
		{"a file for a module", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+calls(1, "./a.hcl", ""))
		}, "Module cannot be read"},
		{"a large file that is hashed", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+"locals {\n  a = filesha256(\"x\")\n}\n")
			sparse(t, filepath.Join(dir, "x"), 100<<30)
		}, "function"},
		{"a file that is hashed again and again", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+"locals {\n  a = [for i in range(1000) : filesha256(\"x\")]\n}\n")
			sparse(t, filepath.Join(dir, "x"), 100<<20)
		}, "too expensive"},
		{"many files that are looked for", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "a.hcl"), head+"locals {\n  a = [for i in range(1000) : fileset(\".\", \"**/nothing*\")]\n}\n")
			for i := range 3_000 {
				put(t, filepath.Join(dir, "d", fmt.Sprint(i)), "")
			}
		}, "too expensive"},
	} {
		t.Run(bomb.name, func(t *testing.T) { //nolint:paralleltest // measures allocation
			dir := t.TempDir()
			bomb.plant(t, dir)
			in := config.Inputs{Plugins: plugins(t)}
			detonate(t, bomb.want, func() diag.List { return explode(dir, in) })
		})
	}
}

func TestAFolderThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.hcl"), "pipeline \"p\" {}\n"+calls(1, "./m", ""))
	put(t, filepath.Join(dir, "m", "a.hcl"), "")
	if err := os.Chmod(filepath.Join(dir, "m"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "m"), 0o755) })
	diags := explode(dir, config.Inputs{})
	if len(diags) != 1 || diags[0].Summary != "Module cannot be read" {
		t.Errorf("diagnostics = %+v", diags)
	}
}

// TestAGitFileIsNotFollowed holds that a .git file only marks where the tree
// ends, whatever is in it.
func TestAGitFileIsNotFollowed(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	put(t, filepath.Join(outside, "m", "a.hcl"), "")
	put(t, filepath.Join(dir, ".git"), "gitdir: "+outside+"\n")
	up, err := filepath.Rel(dir, filepath.Join(outside, "m"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "sub", "a.hcl"), "pipeline \"p\" {}\nmodule \"m\" { source = \"../"+up+"\" }\n")
	diags := explode(filepath.Join(dir, "sub"), config.Inputs{})
	if len(diags) != 1 || diags[0].Summary != "Module cannot be found" || !strings.Contains(diags[0].Detail, "out of the tree") {
		t.Errorf("diagnostics = %+v", diags)
	}
}
