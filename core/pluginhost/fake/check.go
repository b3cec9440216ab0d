package fake

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// check is the tester fake.check.
type check struct{}

// Schema is constant.
func (check) Schema() sdk.Schema {
	return sdk.Schema{
		Name: "check", Description: "Reports the metrics it is given.", Effect: sdk.EffectPure,
		Config: sdk.Block{Attributes: []sdk.Attribute{
			{Name: "artifact", Type: sdk.ArtifactType()},
			{Name: "metrics", Type: cty.Map(cty.Number)},
			{Name: "min", Type: cty.Map(cty.Number)},
		}},
	}
}

// Validate finds nothing.
func (check) Validate(context.Context, sdk.ValidateRequest) sdk.Diagnostics { return nil }

// Test reports.
func (check) Test(_ context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	var report sdk.TestReport
	measured := numbers(req.Config, "metrics")
	for _, name := range slices.Sorted(maps.Keys(measured)) {
		m := sdk.Metric{Name: name, Value: measured[name]}
		out.Metric(m)
		report.Metrics = append(report.Metrics, m)
	}
	bounds := numbers(req.Config, "min")
	var missed error
	for _, name := range slices.Sorted(maps.Keys(bounds)) {
		bound, value := bounds[name], measured[name]
		report.Thresholds = append(report.Thresholds, sdk.Threshold{Metric: name, Min: &bound, Met: value >= bound})
		if value < bound {
			missed = &sdk.Failure{Summary: fmt.Sprintf("%s is %g, below %g", name, value, bound), Class: "threshold_missed"}
		}
	}
	return nil, report, missed
}

func numbers(c sdk.Config, name string) map[string]float64 {
	out := make(map[string]float64)
	if !c.Set(name) {
		return out
	}
	v, _ := c.Get(name).UnmarkDeep()
	for key, e := range v.AsValueMap() {
		n := new(big.Float)
		if !e.IsNull() {
			n = e.AsBigFloat()
		}
		out[key], _ = n.Float64()
	}
	return out
}
