package config_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/diag"
)

// limits of one bomb. What it allocates is the sharp one, and the same on every
// machine. The time is that of the processor, so that the load of a machine does
// not count, and finds what would go on and on: without the bounds these take
// minutes to for ever, gigabytes, or the process.
const (
	bombTime   = 20 * time.Second
	bombMemory = 3 << 29 // allocated in all, not held; the largest file set there may be takes two thirds of it
)

func local(expression string) string {
	return "pipeline \"p\" {}\nlocals {\n  a = " + expression + "\n}\n"
}

// loops nests for expressions, each over ten numbers.
func loops(n int, inner string) string {
	list := "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
	return strings.Repeat("[for x in "+list+" : ", n) + inner + strings.Repeat("]", n)
}

// doubling is a chain of locals, each made of the one before.
func doubling(n int, first, step string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "pipeline \"p\" {}\nlocals {\n  v0 = %s\n", first)
	for i := range n {
		fmt.Fprintf(&b, "  v%d = %s\n", i+1, strings.ReplaceAll(step, "@", fmt.Sprintf("local.v%d", i)))
	}
	b.WriteString("}\n")
	return b.String()
}

// numbered repeats a line with a number in it.
func numbered(n int, line string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, line, i)
	}
	return b.String()
}

// TestBombs holds every file known to kill or stall a process that parses or
// evaluates HCL: each gets a diagnostic, soon and in bounded memory. They run
// one after the other, so that what is measured is theirs.
func TestBombs(t *testing.T) { //nolint:paralleltest // measures allocation
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	for _, bomb := range []struct{ name, source, want string }{
		{"parentheses", local(many("(", 100_000) + "1" + many(")", 100_000)), "Nesting too deep"},
		{"lists", local(many("[", 100_000) + many("]", 100_000)), "Nesting too deep"},
		{"objects", local(many("{a=", 50_000) + "1" + many("}", 50_000)), "Nesting too deep"},
		{"templates", local(many(`"${`, 50_000) + "1" + many(`}"`, 50_000)), "Nesting too deep"},
		{"calls", local(many("abs(", 50_000) + "1" + many(")", 50_000)), "Nesting too deep"},
		{"mismatched brackets", local(many("(]", 50_000)), "Nesting too deep"},
		{"blocks", many("a {\n", 50_000) + many("}\n", 50_000), "Nesting too deep"},
		{"template conditions", local(`"` + many("%{if true}", 30_000) + many("%{endif}", 30_000) + `"`), "Nesting too deep"},
		{"template conditions hidden by an inner end", local(`"` + many(`%{if true}${"%{endif}"}`, 10_000) + `"`), "Nesting too deep"},
		{"minus", local(many("-", 250_000) + "1"), "Expression too long"},
		{"not", local(many("!", 250_000) + "true"), "Expression too long"},
		{"sum", local("1" + many("+1", 120_000)), "Expression too long"},
		{"sum over lines", local("(1" + many("+\n1", 80_000) + ")"), "Expression too long"},
		{"conditionals", local(many("true ? 1 : ", 50_000) + "1"), "Expression too long"},
		{"indexes", local("a" + many("[b]", 60_000)), "Expression too long"},
		{"splats", local("a" + many("[*]", 60_000)), "Expression too long"},
		{"a million operators", local(many("-", 1_000_000) + "1"), "Too many tokens|Pipeline too large"},
		{"two megabytes", "# " + many("x", 2<<20), "File too large"},
		{"nested loops", local(loops(7, "x")), "Too many nested for expressions"},
		{"nested loops with join", local(`[for a in [1,2] : join("", [for b in [1,2] : join("", [for c in [1,2] : "x"])])]`), "Too many nested for expressions"},
		{"loops in templates", local(`"` + many("%{for x in [1,2]}", 7) + "x" + many("%{endfor}", 7) + `"`), "Too many nested for expressions"},
		{"number", local("1e999999999"), "Number out of range"},
		{"number as text", local(`"${1 * tonumber("1e999999999")}"`), "too expensive"},
		{"squares", doubling(24, "1e300", "@ * @"), "too expensive"},
		{"format width", local(`format("%1000000000s", "x")`), "Error in function call"},
		{"format precision", local(`format("%.1000000000f", 1)`), "Error in function call"},
		{"format number", local(`format("%d", "1e999999999")`), "Error in function call"},
		{"format repeated", doubling(1, `"`+many("x", 10_000)+`"`, `format("`+many("%[1]s", 2_000)+`", @)`), "Error in function call"},
		{"formatlist", local(`formatlist("%1000000000s", ["x", "y"])`), "Error in function call"},
		{"replace", doubling(6, `"`+many("x", 1000)+`"`, `replace(@, "", @)`), "Error in function call"},
		{"replace pattern", doubling(6, `"`+many("x", 1000)+`"`, `replace(@, "/x/", @)`), "Error in function call"},
		{"join", doubling(3, `[`+many(`"x",`, 2000)+`]`, `[for x in @ : join(join("", @), @)]`), "too expensive|Error in function call"},
		{"indent", local(`indent(1000000000, "x\ny")`), "Error in function call"},
		{"range", local(`range(1000000000)`), "Error in function call"},
		{"setproduct", local(`setproduct(` + many("range(1000), ", 4) + `range(1000))`), "Error in function call"},
		{"distinct", local(`distinct([for x in setproduct(range(100), range(100)) : "${x[0]} ${x[1]}"])`), "Error in function call"},
		{"unknown names", "pipeline \"p\" {}\n" + numbered(4000, "stage \"s%d\" { uses = \"a.b\" }\n") + local(`[`+many("stage.zzzzzz, ", 40_000)+`]`), "Too many problems"},
		{"unknown arguments", numbered(50_000, "a%d = 1\n"), "Too many problems"},
		{"long tuple", doubling(1, `[`+many(`"x", `, 70_000)+`]`, `join("", @)`), "too expensive"},
		{"long tuple as an argument", "pipeline \"p\" {}\nvariable \"v\" {\n  type = list(string)\n  default = [" + many(`"x", `, 70_000) + "]\n}\n", "Unsuitable default"},
		{"long object", doubling(1, `{ for i in setproduct(range(200), range(50)) : "${i[0]} ${i[1]}" => "x" }`, `[length(tomap(@)), length(tomap(@))]`), "too expensive"},
		{"many lines", local("<<E\n" + many("\n", 250_000) + "E"), "Text too long"},
		{"many percent signs", local(`"` + many("%[", 100_000) + `"`), "Text too long"},
		{"strings doubled", doubling(40, `"xxxxxxxxxx"`, `"${@}${@}"`), "too expensive"},
		{"lists doubled", doubling(40, `["x"]`, `[@, @]`), "too expensive"},
		{"objects tenfold", doubling(12, `{a = 1}`, `{a = @, b = @, c = @, d = @, e = @, f = @, g = @}`), "too expensive"},
		{"deep value", doubling(500, `["x"]`, `[@]`), "too expensive"},
		{"loops over loops", doubling(8, `range(100)`, `flatten([for x in @ : [for y in range(100) : x]])`), "too expensive"},
		{"equality in a loop", doubling(1, `[for x in setproduct(range(100), range(100)) : x]`, `[for x in @ : @ == @]`), "too expensive"},
		{"encoding in a loop", doubling(1, `[for x in setproduct(range(100), range(100)) : x]`, `[for x in @ : length(jsonencode(@))]`), "too expensive"},
		{"swallowed by try", doubling(40, `["x"]`, `try([@, @], 1)`), "too expensive"},
		{"json", doubling(1, `"`+many("[", 1000)+`"`, `jsondecode(@)`), "Invalid function argument|Error in function call"},
	} {
		t.Run(bomb.name, func(t *testing.T) { //nolint:paralleltest // measures allocation
			dir := t.TempDir()
			put(t, filepath.Join(dir, "bomb.hcl"), bomb.source)
			detonate(t, bomb.want, func() diag.List { return explode(dir, config.Inputs{}) })
		})
	}
}

// explode parses and loads a pipeline, and gives all that is said about it.
func explode(path string, in config.Inputs) diag.List {
	source, diags := config.Parse(config.Options{Path: path})
	_, more := source.Load(in)
	return append(diags, more...)
}

// processorTime is what the process has used so far, in all its threads.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// detonate holds a bomb to its limits. Want are the summaries of which one must
// be there, or empty when nothing must be said.
func detonate(t *testing.T, want string, bomb func() diag.List) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := processorTime(t)
	diags := bomb()
	elapsed := processorTime(t) - start
	runtime.ReadMemStats(&after)
	found := want == "" && !diags.HasErrors()
	for _, d := range diags {
		for _, part := range strings.Split(want, "|") {
			found = found || want != "" && strings.Contains(d.Summary, part)
		}
		if len(d.Summary)+len(d.Detail) > 10_000 {
			t.Errorf("a message has %d bytes: %.100s", len(d.Summary)+len(d.Detail), d.Summary)
		}
	}
	if !found {
		t.Errorf("no diagnostic %q among %d: %.300s", want, len(diags), fmt.Sprint(diags))
	}
	if len(diags) > 1000 {
		t.Errorf("%d diagnostics", len(diags))
	}
	if elapsed > bombTime {
		t.Errorf("took %v of the processor, at most %v expected", elapsed, bombTime)
	}
	allocated := after.TotalAlloc - before.TotalAlloc
	if allocated > bombMemory {
		t.Errorf("allocated %d MiB, at most %d expected", allocated>>20, bombMemory>>20)
	}
	t.Logf("%v, %d MiB", elapsed.Round(time.Millisecond), allocated>>20)
}
