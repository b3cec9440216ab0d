package gate

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/gate/approval"
)

// actor is who runs the runner.
func (g *Gate) actor(now time.Time) Fact {
	if g.opts.Actor == "" {
		return Fact{State: Unknown, Source: "runner"}
	}
	return seen(g.opts.Actor, "operating system", now)
}

// groups are those of the account that runs the runner.
func (g *Gate) groups(now time.Time) Fact {
	if g.opts.Groups == nil {
		return Fact{State: Unknown, Source: "runner"}
	}
	value, _ := json.Marshal(g.opts.Groups) // strings cannot fail
	return Fact{State: Verified, Value: value, Source: "operating system", CheckedAt: &now}
}

// recorded is that the run's journal keeps decisions and releases: nothing is
// decided that was not made durable there before.
func recorded(now time.Time) Fact {
	return Fact{State: Verified, Value: json.RawMessage("true"), Source: "journal of the run", CheckedAt: &now}
}

// asked is what a stage asks of people before it applies. The runner counts them
// itself, after this decision and before it applies.
type asked struct {
	Required        int      `json:"required"`
	Approvers       []string `json:"approvers"` // empty: whom the operator's file of signers knows
	AllowSelf       bool     `json:"allow_self"`
	LifetimeSeconds int64    `json:"lifetime_seconds"`
}

func (g *Gate) approval(req engine.DecisionRequest) Fact {
	const source = "the pipeline and the operator's configuration"
	if req.Stage == nil || req.Stage.Approval == nil {
		return Fact{State: Absent, Source: source}
	}
	want, rules := req.Stage.Approval, g.opts.Approvals
	limit := cmp.Or(rules.Lifetime, approval.DefaultLifetime)
	if want.Expires > 0 {
		limit = min(limit, want.Expires)
	}
	value, err := json.Marshal(asked{
		Required: want.Required, Approvers: append([]string{}, want.Approvers...), AllowSelf: rules.AllowSelf,
		LifetimeSeconds: int64(limit / time.Second),
	})
	if err != nil {
		return Fact{State: Unknown, Source: source + ": " + err.Error()}
	}
	return Fact{State: Verified, Value: value, Source: source}
}
