package config

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
)

// meter makes every expression pay for its evaluation.
func (s *Source) meter() {
	for _, m := range s.modules {
		for _, v := range m.order {
			for _, rule := range v.validations {
				meterArguments(rule.condition, rule.message)
			}
		}
		for _, b := range m.bindings {
			b.expr = budget.Meter(b.expr)
			b.refs.meter()
		}
		for _, st := range m.stages {
			st.meter()
		}
	}
}

func (st *stage) meter() {
	meterArguments(st.when, st.environment, st.timeout, st.group, st.forEach)
	for _, b := range []*hclsyntax.Block{st.with, st.retry, st.approval} {
		if b != nil {
			budget.MeterBody(b.Body)
		}
	}
	for _, c := range st.conditions {
		meterArguments(c.condition, c.message)
	}
	st.refs.meter()
	(&references{names: st.needs}).meter()
}

// meter makes the keys of instances pay: they are valued by themselves too.
func (r *references) meter() {
	for _, refs := range [][]reference{r.names, r.distinct} {
		for i := range refs {
			refs[i].index = budget.Meter(refs[i].index)
		}
	}
}

func meterArguments(args ...*hclsyntax.Attribute) {
	for _, a := range args {
		if a != nil {
			a.Expr = budget.Meter(a.Expr)
		}
	}
}
