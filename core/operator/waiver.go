package operator

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/gate"
)

// fileWaiver accepts a violation of one rule by one plan or artifact.
type fileWaiver struct {
	Rule     string    `hcl:"rule,label"`
	Digest   string    `hcl:"digest"`
	Approver string    `hcl:"approver"`
	Reason   string    `hcl:"reason"`
	Expires  string    `hcl:"expires"`
	Range    hcl.Range `hcl:",def_range"`
}

// takeWaivers refuses what could never count. Whether a waiver counts for a
// decision is for the gate to say.
func (c *Config) takeWaivers(in []fileWaiver, diags *diag.List) {
	for _, f := range in {
		expires, err := time.Parse(time.RFC3339, f.Expires)
		if err != nil {
			diags.Append(f.Range.Ptr(), "Waiver without an end", fmt.Sprintf("expires is %q; write a time such as \"2026-12-31T18:00:00Z\".", f.Expires))
			continue
		}
		w := gate.Waiver{Rule: f.Rule, Digest: f.Digest, Approver: f.Approver, Reason: f.Reason, Expires: expires}
		if err := w.Check(); err != nil {
			diags.Append(f.Range.Ptr(), "Waiver that cannot count", fmt.Sprintf("A waiver names one rule, one digest, who approves it, why and until when: %v.", err))
			continue
		}
		c.Waivers = append(c.Waivers, w)
	}
}
