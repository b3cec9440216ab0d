package config_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/diag"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// nesting describes a plugin with blocks in blocks in blocks, and an argument
// whose type multiplies what is given.
func nesting(tb testing.TB) map[string]*pluginv1.DescribeResponse {
	tb.Helper()
	all := plugins(tb)
	wide := make(map[string]cty.Type)
	var names []string
	for i := range 200 {
		names = append(names, fmt.Sprintf("a%d", i))
		wide[names[i]] = cty.DynamicPseudoType
	}
	block := &pluginv1.Block{Attributes: []*pluginv1.Attribute{
		attribute(tb, "text", cty.String),
		attribute(tb, "wide", cty.List(cty.ObjectWithOptionalAttrs(wide, names))),
		attribute(tb, "words", cty.Set(cty.String)),
	}}
	for range 4 {
		block = &pluginv1.Block{
			Attributes: block.Attributes,
			Blocks:     []*pluginv1.NestedBlock{{TypeName: "x", Nesting: pluginv1.Nesting_NESTING_LIST, Block: block}},
		}
	}
	all["nest"] = &pluginv1.DescribeResponse{Name: "nest", Version: "0.1.0", Components: []*pluginv1.Component{{
		Name: "ing", Kind: pluginv1.Kind_KIND_TESTER, Config: block,
		Outputs: []*pluginv1.Attribute{attribute(tb, "made", cty.List(cty.String))},
	}}}
	return all
}

// instances is a stage with so many instances; inside goes into its block.
func instances(name string, n int, inside string) string {
	return fmt.Sprintf("stage %q {\n  uses = \"test.command\"\n  for_each = toset(split(\",\", \"%s\"))\n%s\n}\n",
		name, strings.TrimSuffix(numbered(n, "k%d,"), ","), inside)
}

const command = "  with { command = [] }\n"

// dynamics nests dynamic blocks, each over a local with so many elements.
func dynamics(n int, inner string) string {
	return strings.Repeat("dynamic \"x\" {\nfor_each = local.l\ncontent {\n", n) + inner + strings.Repeat("}\n}\n", n)
}

// TestLanguageBombs is TestBombs for what multiplies: instances, dynamic
// blocks, conditions, types and patterns.
func TestLanguageBombs(t *testing.T) { //nolint:paralleltest // measures allocation
	many := strings.Repeat
	list := func(n int) string {
		return "locals { l = split(\",\", \"" + strings.TrimSuffix(numbered(n, "%d,"), ",") + "\") }\n"
	}
	nest := func(inside string) string {
		return "stage \"s\" {\n  uses = \"nest.ing\"\n  with {\n" + inside + "\n  }\n}\n"
	}
	digits := many("1", 700_000)
	for _, bomb := range []struct{ name, source, want string }{
		// for_each
		{"for_each over a range", `stage "s" {` + "\n uses = \"test.command\"\n for_each = toset(range(1000000))\n}\n", "Error in function call"},
		{"for_each over a product", `stage "s" {` + "\n uses = \"test.command\"\n for_each = setproduct(range(1000), range(1000))\n}\n", "Error in function call"},
		{"for_each over a million", "locals {\n  l = range(1000)\n  m = flatten([for a in local.l : [for b in local.l : \"${a}-${b}\"]])\n}\nstage \"s\" {\n uses = \"test.command\"\n for_each = toset(local.m)\n}\n", "too expensive"},
		{"for_each over too many", list(10_001) + "stage \"s\" {\n uses = \"test.command\"\n for_each = toset(local.l)\n" + command + "}\n", "Too many instances"},
		{"ten thousand instances", instances("a", 10_000, command), ""},
		{"ten thousand instances in two blocks", instances("a", 5_001, command) + instances("b", 5_000, command), "Too many stages"},
		{"instances need each other's block", instances("a", 5_000, "needs = [stage.b]\n"+command) + instances("b", 5_000, command), "Too many dependencies"},
		{"instances read each other's block", instances("a", 5_000, "when = length(stage.b) > 0\n"+command) + instances("b", 5_000, command), "Too many dependencies"},
		{"instances with computed keys", instances("a", 5_000, "needs = [stage.b[\"${each.key}\"]]\n"+command) + instances("b", 5_000, command), ""},
		{"instances with a thousand computed keys", instances("a", 5_000, "needs = ["+many("stage.b[each.key], ", 1_000)+"]\n"+command) + instances("b", 5_000, command), "too expensive"},
		{"instances with thousands of fixed keys", instances("a", 5_000, "needs = ["+numbered(5_000, "stage.b[\"k%d\"], ")+"]\n"+command) + instances("b", 5_000, command), "Too many dependencies"},
		{"instances with one key thousands of times", instances("a", 5_000, "needs = ["+many("stage.b[\"k7\"], ", 20_000)+"]\n"+command) + instances("b", 5_000, command), ""},
		{"instances with names that are not used", "locals {\n" + numbered(20_000, "l%d = 1\n") + "}\n" + instances("a", 9_000, "when = length([for x in [] : ["+numbered(20_000, "local.l%d, ")+"]]) == 0\n"+command), "too expensive"},
		{"instances with many conditions", instances("a", 9_000, many("precondition {\ncondition = true\nerror_message = \"x\"\n}\n", 5_000)+command), "too expensive"},
		{"instances with many blocks", "locals {}\n" + strings.Replace(instances("a", 9_000, "with {\n"+many("x {}\n", 20_000)+"}\n"), "test.command", "nest.ing", 1), "too expensive"},
		{"instances with a large argument", "locals {\n  big = range(1000)\n}\n" + strings.Replace(instances("a", 9_000, "with {\ntext = jsonencode(local.big)\n}\n"), "test.command", "nest.ing", 1), "too expensive"},
		{"instances with a wrong timeout", instances("a", 10_000, "timeout = each.key\n"+command), "Invalid value"},
		{"keys that are not there", instances("a", 5_000, "needs = [stage.b[\"x${each.key}\"]]\n"+command) + instances("b", 5_000, command), "Unknown instance"},
		// late bindings
		{"a late local that all stages use", "locals {\n  l = [for i in range(1000) : \"${i} ${stage.s0.metrics[\"x\"]}\"]\n}\n" + numbered(1, "stage \"s%d\" {\nuses = \"test.eval\"\nwith {\ncommand = []\nthreshold \"x\" {}\n}\n}\n") + numbered(9_000, "stage \"t%d\" {\nuses = \"test.command\"\nwith { command = local.l }\n}\n"), "too expensive"},
		{"a chain of late locals that all stages use", "locals {\n  l0 = stage.s\n" + chain(3_000) + "}\nstage \"s\" {\nuses = \"test.command\"\n" + command + "}\n" + numbered(5_000, "stage \"t%d\" {\nuses = \"test.command\"\nwith { command = [local.l2999] }\n}\n"), "too expensive|Too many"},
		{"a long chain of locals", "locals {\n  l0 = 1\n" + chain(40_000) + "}\n", ""},
		{"a long circle of locals", "locals {\n  l0 = local.l39999\n" + chain(40_000) + "}\n", "Dependency cycle"},
		{"a local made of many", "locals {\n" + numbered(30_000, "l%d = 1\n") + "all = [" + numbered(30_000, "local.l%d, ") + "]\n}\n", ""},
		// dynamic
		{"dynamic in dynamic", list(1_000) + nest(dynamics(4, "")), "too expensive"},
		{"dynamic over too many", list(1_001) + nest(dynamics(1, "")), "Too many blocks"},
		{"dynamic with labels", list(1_000) + nest(many("dynamic \"x\" {\nfor_each = local.l\nlabels = local.l\ncontent {}\n}\n", 100)), "Wrong number of labels|too expensive"},
		{"many dynamics", list(1_000) + nest(many("dynamic \"x\" {\nfor_each = local.l\ncontent {}\n}\n", 5_000)), "too expensive"},
		// constants
		{"loops in a default", "variable \"v\" { default = [for a in [" + many("1,", 30_000) + "] : [for b in [" + many("1,", 30_000) + "] : a]] }\n", "too expensive"},
		{"loops in a description", "variable \"v\" { description = \"${[for a in [" + many("1,", 30_000) + "] : [for b in [" + many("1,", 30_000) + "] : a]][0][0]}\" }\n", "too expensive|must be a constant"},
		{"loops in a source", "module \"m\" { source = \"./${[for a in [" + many("1,", 30_000) + "] : [for b in [" + many("1,", 30_000) + "] : a]][0][0]}\" }\n", "too expensive"},
		{"loops in a type", "variable \"v\" {\n  type = object({ a = optional(any, [for a in [" + many("1,", 30_000) + "] : [for b in [" + many("1,", 30_000) + "] : a]]) })\n  default = {}\n}\n", "too expensive"},
		{"a long tuple in a type", "variable \"v\" {\n  type = object({ a = optional(list(string), [" + many("1,", 70_000) + "]) })\n  default = {}\n}\n", "too expensive"},
		{"a default that is multiplied", "variable \"v\" {\n  type = list(object({ a = optional(any, [" + many("1,", 50_000) + "]) }))\n  default = [" + many("{},", 5_000) + "]\n}\n", "Unsuitable default|too expensive"},
		{"attributes that are multiplied", "variable \"v\" {\n  type = list(object({ " + numbered(10_000, "a%d = optional(string), ") + " }))\n  default = [" + many("{},", 5_000) + "]\n}\n", "Unsuitable default|too expensive"},
		{"arguments that are multiplied", list(5_000) + nest("wide = [for x in local.l : {}]"), "too expensive"},
		{"a type in a message", "variable \"v\" {\n  type = object({ " + numbered(10_000, "a%d = string, ") + " })\n  default = {}\n}\n", "Unsuitable default"},
		{"products in a constant", "variable \"v\" { default = \"${" + many("(", 1) + "1e999" + many(" * 1e999", 250) + ")}\" }\n", "too expensive"},
		// names
		{"a long name", "locals {\n  a = local." + many("x", 400_000) + "\n  " + many("y", 400_000) + " = 1\n}\n", "Unknown local"},
		{"a long argument", nest(many("x", 400_000) + " = 1"), "Unsupported argument"},
		{"a long root", local(many("x", 900_000)), "Unknown name"},
		{"a long function", local(many("x", 900_000) + "()"), "Unknown function"},
		// lexing
		{"blank lines the slow way", "/* x */\n" + many("\n", 250_000), ""},
		{"comments the slow way", "/* x */\n" + many("#\n", 140_000), ""},
		// functions
		{"a pattern with repetitions", local("regexall(\"" + many("x{0,1000}", 100) + "y\", \"" + many("x", 50_000) + "\")"), "Error in function call|Invalid function argument|too expensive"},
		{"a pattern in a loop", "locals {\n  t = \"" + many("x", 60_000) + "\"\n  a = [for i in range(1000) : can(regex(\"" + many("(x+x+)+", 30) + "y\", local.t))]\n}\n", "too expensive|Error in function call|Invalid function argument"},
		{"a replacement in a loop", "locals {\n  t = \"" + many("x", 60_000) + "\"\n  a = [for i in range(1000) : replace(local.t, \"/" + many("(x+x+)+", 30) + "y/\", \"\")]\n}\n", "too expensive|Error in function call|Invalid function argument"},
		{"a number of many digits", "locals {\n  t = \"0." + digits + "\"\n  a = [for i in range(1000) : tonumber(local.t)]\n}\n", "too expensive"},
		{"a number of many digits in sums", "locals {\n  t = \"0." + digits + "\"\n  a = [for i in range(1000) : local.t + 1]\n}\n", "too expensive"},
		{"digits in JSON", "locals {\n  t = \"0." + digits + "\"\n  a = [for i in range(1000) : jsondecode(local.t)]\n}\n", "too expensive|Error in function call|Invalid function argument"},
		{"parseint", "locals {\n  t = \"" + digits + "\"\n  a = [for i in range(1000) : parseint(local.t, 10) > 1]\n}\n", "too expensive"},
		{"format of a long number", local("format(\"%d\", \"" + many("0", 80) + "1e999999999\")"), "Error in function call"},
		{"look-alikes in a set", "locals {\n  t = split(\",\", \"" + strings.TrimSuffix(lookalikes(15_000), ",") + "\")\n  s = toset(local.t)\n}\n", "Error in function call|too expensive"},
		{"look-alikes as an argument", "locals {\n  t = split(\",\", \"" + strings.TrimSuffix(lookalikes(15_000), ",") + "\")\n}\n" + nest("words = local.t"), "too expensive"},
		{"numbers in a set", "locals {\n  t = split(\",\", \"" + strings.TrimSuffix(numbered(40_000, "100000000000%d,"), ",") + "\")\n  s = toset([for x in local.t : tonumber(x)])\n}\n", "too expensive|Error in function call"},
		{"many arguments", "locals {\n  t = chunklist(split(\",\", \"" + strings.TrimSuffix(numbered(100_000, "%d,"), ",") + "\"), 1)\n  s = setunion(local.t...)\n}\n", "too expensive|Error in function call"},
		{"many arguments of coalesce", "locals {\n  t = split(\",\", \"" + many(",", 200_000) + "\")\n  s = coalesce(local.t...)\n}\n", "too expensive|Error in function call"},
		{"many arguments of merge", "locals {\n  t = [for x in split(\",\", \"" + many(",", 30_000) + "\") : { a = x }]\n  s = merge(local.t...)\n}\n", "too expensive|Error in function call"},
		{"matches of nothing", "locals {\n  t = \"" + many("x", 700_000) + "\"\n  a = length(regexall(\"()\", local.t))\n}\n", "too expensive|Error in function call"},
		{"arrays in JSON", "locals {\n  t = \"[" + many("[],", 50_000) + "[]]\"\n  a = [for i in range(100) : jsondecode(local.t)]\n}\n", "too expensive"},
		{"objects in JSON", "locals {\n  t = \"[" + many("{},", 50_000) + "{}]\"\n  a = [for i in range(100) : jsondecode(local.t)]\n}\n", "too expensive"},
		{"files in a loop", "locals {\n  a = [for p in [for i in range(1000) : range(1000)] : [for q in p : fileexists(\"x\")]]\n}\n", "too expensive"},
		{"finding files in a loop", "locals {\n  a = [for p in range(1000) : fileset(\".\", \"**/nothing*\")]\n}\n", ""},
		{"keys in keys", "stage \"a\" {\n  uses = \"test.command\"\n  for_each = toset([\"k\"])\n" + command + "}\nlocals {\n  l = " + many("stage.a[", 60) + "\"k\"" + many("].x", 60) + "\n}\n", "Unknown output|"},
	} {
		t.Run(bomb.name, func(t *testing.T) { //nolint:paralleltest // measures allocation
			dir := t.TempDir()
			source := bomb.source
			if !strings.Contains(source, "pipeline \"p\"") {
				source = "pipeline \"p\" {}\n" + source
			}
			put(t, filepath.Join(dir, "bomb.hcl"), source)
			in := config.Inputs{Plugins: nesting(t)}
			detonate(t, bomb.want, func() diag.List { return explode(dir, in) })
		})
	}
}

// chain is locals that each use the one before.
func chain(n int) string {
	var b strings.Builder
	for i := range n - 1 {
		fmt.Fprintf(&b, "l%d = local.l%d\n", i+1, i)
	}
	return b.String()
}
