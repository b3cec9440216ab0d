package gate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/core/engine"
)

// checkPlan refuses to judge a plan that is not what it says.
func checkPlan(req engine.DecisionRequest) error {
	if req.Stage == nil {
		if req.Plan != nil || len(req.Facts) > 0 {
			return errors.New("there is a plan, and no stage that would apply it")
		}
		return nil
	}
	if req.Plan == nil || len(req.Plan.GetContent()) == 0 {
		return fmt.Errorf("%s has no plan", req.Stage.Address())
	}
	if got := digestOf(req.Plan.GetContent()); got != req.Plan.GetDigest() {
		return fmt.Errorf("the plan of %s claims the digest %.80q and has %s", req.Stage.Address(), req.Plan.GetDigest(), got)
	}
	if plan, stage := req.Plan.GetEnvironment(), req.Attempt.GetEnvironment(); plan != stage {
		return fmt.Errorf("the plan is for environment %q, %s for %q", plan, req.Stage.Address(), stage)
	}
	return nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
