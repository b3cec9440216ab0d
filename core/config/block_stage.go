package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
)

// maxStages bounds the stages of one pipeline.
const maxStages = 10_000

// stage is a stage block.
type stage struct {
	name                       string
	header                     hcl.Range
	uses                       pipeline.ComponentRef // empty when it is wrong
	run                        pipeline.RunMode
	with                       *hclsyntax.Block
	retry                      *hclsyntax.Block
	when, environment, timeout *hclsyntax.Attribute
	needs                      []reference // as written
	refs                       *references // of everything that is valued while the pipeline runs
	early                      *references // of timeout and retry, which are valued before
}

func stageShape() *shape {
	return &shape{
		what: "a stage", header: `stage "name"`, labels: 1,
		args:     []string{"uses", "needs", "when", "timeout", "run", "environment"},
		single:   []string{"with", "retry"},
		required: []string{"uses"},
	}
}

func retryShape() *shape {
	return &shape{what: "retry", header: "retry", args: []string{"attempts", "backoff"}}
}

// decodeStage reads a stage block.
func (s *Source) decodeStage(b *hclsyntax.Block, diags *diag.List) {
	if !stageShape().check(b, diags) {
		return
	}
	st := &stage{name: b.Labels[0], header: b.DefRange()}
	if earlier := s.byName[st.name]; earlier != nil {
		diags.Append(&st.header, fmt.Sprintf("Duplicate stage %q", st.name), fmt.Sprintf(
			"There is one already at %s. Rename one of them.", at(earlier.header)))
		return
	}
	s.byName[st.name] = st
	s.stages = append(s.stages, st)
	args := b.Body.Attributes
	st.when, st.environment, st.timeout = args["when"], args["environment"], args["timeout"]
	st.decodeUses(args["uses"], diags)
	st.decodeRun(args["run"], diags)
	st.decodeNeeds(args["needs"], diags)
	for _, inner := range b.Body.Blocks {
		switch inner.Type {
		case "with":
			st.with = inner
		case "retry":
			st.retry = inner
			retryShape().checkBody(inner, diags)
		}
	}
}

var componentName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}\.[a-z][a-z0-9_]{0,63}$`)

func (st *stage) decodeUses(a *hclsyntax.Attribute, diags *diag.List) {
	text, ok := constantText(a, diags)
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
	text, ok := constantText(a, diags)
	if !ok {
		return
	}
	switch text {
	case "on_success":
		st.run = pipeline.OnSuccess
	case "on_failure":
		st.run = pipeline.OnFailure
	case "always":
		st.run = pipeline.Always
	default:
		place := a.Expr.Range()
		modes := []string{"on_success", "on_failure", "always"}
		diags.Append(&place, fmt.Sprintf("Unknown run mode %q", clip(text)), spelling.Hint(text, modes, "run modes"))
	}
}

// decodeNeeds reads needs = [stage.a, stage.b].
func (st *stage) decodeNeeds(a *hclsyntax.Attribute, diags *diag.List) {
	if a == nil {
		return
	}
	const remedy = "Write a list of stages, for example needs = [stage.build, stage.test]."
	items, problems := hcl.ExprList(a.Expr)
	if problems.HasErrors() {
		place := a.Expr.Range()
		diags.Append(&place, `"needs" must be a list`, remedy)
		return
	}
	for _, item := range items {
		place := item.Range()
		traversal, problems := hcl.AbsTraversalForExpr(item)
		if problems.HasErrors() {
			diags.Append(&place, "Not a stage", remedy)
			continue
		}
		ref, ok := stageReference(traversal)
		if !ok || len(traversal) != 2 {
			diags.Append(&place, "Not a stage", remedy)
			continue
		}
		st.needs = append(st.needs, ref)
	}
}
