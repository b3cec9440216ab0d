package config

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
)

// constants reads arguments that may not refer to anything.
type constants struct{ spend *budget.Budget }

// value is the value of such an argument.
func (c constants) value(a *hclsyntax.Attribute, want cty.Type, diags *diag.List) (cty.Value, bool) {
	place := a.Expr.Range()
	v, problems := c.spend.Constant(a.Expr)
	if c.spend.Exhausted() {
		*diags = append(*diags, tooExpensive(place)...)
		return cty.NilVal, false
	}
	if problems.HasErrors() {
		diags.Append(&place, fmt.Sprintf("%q must be a constant", a.Name),
			"It is read before anything else, so it cannot use names or functions.")
		return cty.NilVal, false
	}
	v, err := c.spend.Convert(v, want)
	if err != nil || v.IsNull() {
		diags.Append(&place, fmt.Sprintf("Wrong type for %q", a.Name), fmt.Sprintf(
			"A %s is needed here.", want.FriendlyName()))
		return cty.NilVal, false
	}
	return v, true
}

func (c constants) text(a *hclsyntax.Attribute, diags *diag.List) (string, bool) {
	if a == nil {
		return "", false
	}
	v, ok := c.value(a, cty.String, diags)
	if !ok {
		return "", false
	}
	return v.AsString(), true
}

func (c constants) bool(a *hclsyntax.Attribute, otherwise bool, diags *diag.List) bool {
	if a == nil {
		return otherwise
	}
	v, ok := c.value(a, cty.Bool, diags)
	if !ok {
		return otherwise
	}
	return v.True()
}

// duration is a length of time, or 0.
func (c constants) duration(a *hclsyntax.Attribute, diags *diag.List) time.Duration {
	text, ok := c.text(a, diags)
	if !ok {
		return 0
	}
	d, err := duration(text)
	if err != nil {
		place := a.Expr.Range()
		diags.Append(&place, fmt.Sprintf("Invalid value for %q", a.Name), upper(err.Error())+".")
	}
	return d
}

// maxDuration bounds timeouts and backoffs.
const maxDuration = 7 * 24 * time.Hour

// duration reads a length of time such as 20m.
func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a length of time; write for example \"90s\", \"20m\" or \"1h30m\"", clip(text))
	case d <= 0:
		return 0, fmt.Errorf("%s is not positive; leave the argument out for none", text)
	case d > maxDuration:
		return 0, fmt.Errorf("%s is more than the limit of %s", text, maxDuration)
	}
	return d, nil
}

// at is a place inside a message about another place.
func at(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }
