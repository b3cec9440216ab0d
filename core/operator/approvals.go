package operator

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
)

// Approvals say who may approve what deployer stages would apply.
type Approvals struct {
	// AllowedSigners is the file of the people and their keys, in the format of
	// ssh-keygen, an absolute path; empty means that nobody can approve.
	AllowedSigners string
	// AllowSelf lets whoever started a run approve it.
	AllowSelf bool
	// Lifetime is how long an approval counts at most; 0 means the default.
	Lifetime time.Duration
	// Principals are the names in AllowedSigners of accounts of the machine, where
	// these are not the same.
	Principals map[string]string
}

type fileApprovals struct {
	AllowedSigners string            `hcl:"allowed_signers"`
	AllowSelf      bool              `hcl:"allow_self_approval,optional"`
	Lifetime       *string           `hcl:"lifetime"`
	Principals     map[string]string `hcl:"principals,optional"`
	Range          hcl.Range         `hcl:",def_range"`
}

// Bounds of an approval's lifetime.
const minApproval, maxApproval = time.Minute, 30 * 24 * time.Hour

func (c *Config) takeApprovals(in *fileApprovals, diags *diag.List) {
	if in == nil {
		return
	}
	c.Approvals = Approvals{AllowedSigners: in.AllowedSigners, AllowSelf: in.AllowSelf, Principals: in.Principals}
	if !filepath.IsAbs(in.AllowedSigners) {
		diags.Append(&in.Range, "Path is not absolute", "Write the whole path of the file of allowed signers.")
	}
	if in.Lifetime == nil {
		return
	}
	lifetime, err := time.ParseDuration(*in.Lifetime)
	if err != nil || lifetime < minApproval || lifetime > maxApproval {
		diags.Append(&in.Range, "Lifetime of approvals out of range", fmt.Sprintf("approvals.lifetime is %q; write a duration from 1m to 720h.", *in.Lifetime))
	}
	c.Approvals.Lifetime = lifetime
}
