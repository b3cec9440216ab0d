package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
)

// maxStages bounds the stages of one pipeline.
const maxStages = 10_000

// stage is a stage block.
type stage struct {
	module                     *module
	name                       string
	header                     hcl.Range
	body                       *hclsyntax.Body
	uses                       pipeline.ComponentRef // empty when it is wrong
	run                        pipeline.RunMode
	runAt                      hcl.Range // where it says so
	badNeeds                   bool      // they are reported as wrong
	cancelOlder                bool      // of its concurrency group
	noCache                    bool
	with, retry, approval      *hclsyntax.Block
	when, environment, timeout *hclsyntax.Attribute
	forEach                    *hclsyntax.Attribute
	group                      *hclsyntax.Attribute // concurrency_group
	conditions                 []condition
	needs                      []reference // as written

	refs     *references // of everything that is valued while the pipeline runs
	early    *references // of what is valued before, but for for_each
	eachRefs *references // of for_each
}

func stageShape() *shape {
	return &shape{
		what: "a stage", header: `stage "name"`, labels: 1,
		args: []string{
			"uses", "needs", "when", "timeout", "run", "environment", "concurrency_group", "concurrency_mode",
			"cache", "for_each",
		},
		blocks:   []string{"precondition", "postcondition"},
		single:   []string{"with", "retry", "approval"},
		required: []string{"uses"},
	}
}

func approvalShape() *shape {
	return &shape{what: "approval", header: "approval", args: []string{"required", "approvers", "expires"}}
}

func retryShape() *shape {
	return &shape{what: "retry", header: "retry", args: []string{"attempts", "backoff"}}
}

// decodeStage reads a stage block.
func (m *module) decodeStage(b *hclsyntax.Block, diags *diag.List) {
	if !stageShape().check(b, diags) {
		return
	}
	st := &stage{module: m, name: b.Labels[0], header: b.DefRange(), body: b.Body}
	if earlier := m.byName[st.name]; earlier != nil {
		diags.Append(&st.header, fmt.Sprintf("Duplicate stage %q", st.name), fmt.Sprintf(
			"There is one already at %s. Rename one of them.", at(earlier.header)))
		return
	}
	if m.source.stages++; m.source.stages > maxStages {
		*diags = append(*diags, diag.Diagnostic{
			Severity: diag.Error, Summary: "Too many stages", Cause: "stages", Subject: &st.header,
			Detail: fmt.Sprintf("At most %d stages can run.", maxStages),
		})
		return
	}
	m.byName[st.name] = st
	m.stages = append(m.stages, st)
	m.items = append(m.items, item{stage: st})
	args := b.Body.Attributes
	st.when, st.environment, st.timeout, st.group = args["when"], args["environment"], args["timeout"], args["concurrency_group"]
	st.decodeUses(args["uses"], diags)
	st.decodeRun(args["run"], diags)
	st.decodeMode(args["concurrency_mode"], diags)
	st.noCache = !m.source.constants.bool(args["cache"], true, diags)
	st.forEach = args["for_each"]
	before := len(*diags)
	st.needs = decodeNeeds(args["needs"], diags)
	st.badNeeds = len(*diags) > before
	for _, inner := range b.Body.Blocks {
		switch inner.Type {
		case "with":
			st.with = inner
		case "retry":
			st.retry = inner
			retryShape().checkBody(inner, diags)
		case "approval":
			st.approval = inner
			approvalShape().checkBody(inner, diags)
		case "precondition", "postcondition":
			st.decodeCondition(inner, diags)
		}
	}
}

var componentName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}\.[a-z][a-z0-9_]{0,63}$`)

func (st *stage) decodeUses(a *hclsyntax.Attribute, diags *diag.List) {
	text, ok := st.module.source.constants.text(a, diags)
	if !ok {
		return
	}
	place := a.Expr.Range()
	if !componentName.MatchString(text) {
		diags.Append(&place, "Invalid component", fmt.Sprintf(
			`%q is not <plugin>.<component>, for example "build.model".`, clip(text)))
		return
	}
	plugin, name, _ := strings.Cut(text, ".")
	st.uses = pipeline.ComponentRef{Plugin: plugin, Name: name, Range: place}
}

func (st *stage) decodeRun(a *hclsyntax.Attribute, diags *diag.List) {
	text, ok := st.module.source.constants.text(a, diags)
	if !ok {
		return
	}
	place := a.Expr.Range()
	for i, name := range runModes() {
		if text == name {
			st.run, st.runAt = pipeline.RunMode(i), place
			return
		}
	}
	diags.Append(&place, fmt.Sprintf("Unknown run mode %q", clip(text)), spelling.Hint(text, runModes(), "run modes"))
}

// runModes are the names of the pipeline package's run modes, in their order.
func runModes() []string {
	return []string{"on_success", "on_failure", "always", "on_changed", "on_fixed", "on_regression"}
}

// decodeMode reads what happens to those that are in a concurrency group.
func (st *stage) decodeMode(a *hclsyntax.Attribute, diags *diag.List) {
	text, ok := st.module.source.constants.text(a, diags)
	if !ok {
		return
	}
	place := a.Expr.Range()
	switch modes := []string{"queue", "cancel_older"}; {
	case text == modes[1]:
		st.cancelOlder = true
	case text != modes[0]:
		diags.Append(&place, fmt.Sprintf("Unknown concurrency mode %q", clip(text)), spelling.Hint(text, modes, "modes"))
	case st.group == nil:
		diags.Append(&place, "No concurrency group", "A mode says what happens in a concurrency group. Name one: concurrency_group = \"…\".")
	}
}

// decodeNeeds reads needs = [stage.a, stage.b["k"], module.c].
func decodeNeeds(a *hclsyntax.Attribute, diags *diag.List) []reference {
	if a == nil {
		return nil
	}
	const remedy = "Write a list of stages and modules, for example needs = [stage.build, stage.test, module.serve]."
	list, ok := budget.Unwrap(a.Expr).(*hclsyntax.TupleConsExpr)
	if !ok {
		place := a.Expr.Range()
		diags.Append(&place, `"needs" must be a list`, remedy)
		return nil
	}
	var needs []reference
	for _, item := range list.Exprs {
		var found references
		found.collect(item)
		place := item.Range()
		// A key may use names of its own; they come behind the stage.
		if len(found.names) == 0 || !found.names[0].need() || found.names[0].rng != place {
			diags.Append(&place, "Not a stage", remedy)
			continue
		}
		needs = append(needs, found.names[0])
	}
	return needs
}

// need reports whether a reference is to a whole stage, an instance of one, or
// a module.
func (r reference) need() bool {
	return r.name != "" && r.output == "" && (r.root == "stage" || r.root == "module")
}
