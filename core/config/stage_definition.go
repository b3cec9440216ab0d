package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/zclconf/go-cty/cty"
)

const (
	maxAttempts    = 20
	defaultBackoff = time.Second
)

// define makes the definition of a stage. Timeout and retry are valued now.
func (e *Evaluator) define(p *prepared, spend *budget.Budget, diags *diag.List) *pipeline.Stage {
	st := p.stage
	facts := e.early(st.module, st.early, p.each, spend)
	out := &pipeline.Stage{
		Name: p.name, Block: st.module.stageName(st.name), Component: st.uses, NoCache: st.noCache, Run: st.run, Range: st.header, Schema: p.component,
		Retry: pipeline.Retry{Attempts: 1}, Needs: p.needs, Secrets: p.secrets,
	}
	if st.timeout != nil {
		out.Timeout = facts.duration(st.timeout, diags)
	}
	if st.retry != nil {
		out.Retry = facts.retry(st.retry, diags)
	}
	if st.group != nil {
		out.Concurrency = facts.concurrency(st, diags)
	}
	if st.approval != nil {
		out.Approval = facts.approval(st, p, diags)
	}
	return out
}

func (s *scope) retry(b *hclsyntax.Block, diags *diag.List) pipeline.Retry {
	out := pipeline.Retry{Attempts: 1, Backoff: defaultBackoff}
	if a := b.Body.Attributes["backoff"]; a != nil {
		out.Backoff = s.duration(a, diags)
	}
	a := b.Body.Attributes["attempts"]
	if a == nil {
		place := b.DefRange()
		diags.Append(&place, `Missing required argument "attempts"`, "It says how often the stage is tried in all, for example 3.")
		return out
	}
	if n := s.whole(a, maxAttempts, diags); n > 0 {
		out.Attempts = n
	}
	return out
}

// whole is a whole number from 1 to a limit, or 0 when it is none.
func (s *scope) whole(a *hclsyntax.Attribute, limit int64, diags *diag.List) int {
	v, ok := s.early(a, cty.Number, diags)
	if !ok {
		return 0
	}
	n, accuracy := v.AsBigFloat().Int64()
	if accuracy != 0 || n < 1 || n > limit {
		place := a.Expr.Range()
		diags.Append(&place, fmt.Sprintf("Invalid value for %q", a.Name), fmt.Sprintf("It must be a whole number from 1 to %d.", limit))
		return 0
	}
	return int(n)
}

func (s *scope) duration(a *hclsyntax.Attribute, diags *diag.List) time.Duration {
	v, ok := s.early(a, cty.String, diags)
	if !ok {
		return 0
	}
	d, err := duration(v.AsString())
	if err != nil {
		place := a.Expr.Range()
		diags.Append(&place, fmt.Sprintf("Invalid value for %q", a.Name), upper(err.Error())+".")
	}
	return d
}

// early is a value that must be known before the run, and may be shown.
func (s *scope) early(a *hclsyntax.Attribute, want cty.Type, diags *diag.List) (cty.Value, bool) {
	v, problems := s.Value(a.Expr, want)
	*diags = append(*diags, problems...)
	if problems.HasErrors() {
		return cty.NilVal, false
	}
	place := a.Expr.Range()
	switch bare, marks := v.Unmark(); {
	case len(marks) > 0:
		diags.Append(&place, fmt.Sprintf("%q cannot be sensitive", a.Name), "It is shown in plans and logs. Use a value that is not sensitive.")
		return cty.NilVal, false
	case !bare.IsKnown():
		return cty.NilVal, false // its cause is reported, or there is no run yet
	case bare.IsNull():
		diags.Append(&place, fmt.Sprintf("%q is null", a.Name), "Give it a value, or leave the argument out.")
		return cty.NilVal, false
	}
	return v, true
}

// distinct is the sorted set of the names.
func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
