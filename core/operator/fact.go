package operator

import (
	"encoding/json"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Fact is something that the operator answers for, because the runner cannot
// see it. Policies see it as declared, and only where nothing better is known.
type Fact struct {
	Name  string // place in the policy input, for example registry.hosts
	Value json.RawMessage
	By    string // who answers for it
}

type fileFact struct {
	Name  string         `hcl:"name,label"`
	Value hcl.Expression `hcl:"value"`
	By    string         `hcl:"by"`
	Range hcl.Range      `hcl:",def_range"`
}

func (c *Config) takeFacts(in []fileFact, constants Constants, diags *diag.List) {
	seen := make(map[string]bool)
	for _, f := range in {
		if seen[f.Name] {
			diags.Append(f.Range.Ptr(), "Duplicate fact", fmt.Sprintf("There is another fact %q.", f.Name))
		}
		seen[f.Name] = true
		if f.By == "" {
			diags.Append(f.Range.Ptr(), "Nobody answers for the fact", "Write in by who says so: it is shown in every decision that rests on it.")
		}
		value, found := f.Value.Value(constants.ctx)
		if constants.spend.Exhausted() || !constants.spend.Spend(value) {
			*diags = append(*diags, tooExpensive(f.Range)...)
			return
		}
		if found.HasErrors() {
			*diags = append(*diags, diag.FromHCL(found)...)
			continue
		}
		if value.IsNull() || !value.IsWhollyKnown() {
			diags.Append(f.Value.Range().Ptr(), "Fact without a value", "Remove the block: what is not known is unknown to policies without it.")
			continue
		}
		raw, err := ctyjson.Marshal(value, value.Type())
		if err != nil {
			diags.Append(f.Value.Range().Ptr(), "Value cannot be a fact", err.Error())
			continue
		}
		c.Facts = append(c.Facts, Fact{Name: f.Name, Value: raw, By: f.By})
	}
}
