package eval_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	huge := cty.ObjectVal(map[string]cty.Value{"min": cty.MustParseNumberVal("1e999"), "max": cty.NullVal(cty.Number)})
	unknown := cty.ObjectVal(map[string]cty.Value{"min": cty.UnknownVal(cty.Number), "max": cty.NullVal(cty.Number)})
	at := func(steps ...sdk.Step) sdk.Path { return append(sdk.At(sdk.Attr("threshold")), steps...) }
	tests := map[string]struct {
		threshold cty.Value
		more      map[string]cty.Value
		want      sdk.Diagnostics
	}{
		"good":          {threshold: bounds(0.9, 1.0)},
		"a point":       {threshold: bounds(1.0, 1.0)},
		"not known yet": {threshold: unknown, more: map[string]cty.Value{"artifact": cty.UnknownVal(sdk.ArtifactType())}},
		"no bound": {
			threshold: bounds(nil, nil),
			want:      sdk.Diagnostics{{Severity: sdk.Error, Summary: `The threshold on "accuracy" has no bound`, Path: at(sdk.Key("accuracy"))}},
		},
		"crossed": {
			threshold: bounds(0.9, 0.5),
			want:      sdk.Diagnostics{{Severity: sdk.Error, Summary: `No value meets the threshold on "accuracy"`, Path: at(sdk.Key("accuracy"), sdk.Attr("max"))}},
		},
		"huge": {
			threshold: huge,
			want:      sdk.Diagnostics{{Severity: sdk.Error, Summary: "The bound is out of range", Path: at(sdk.Key("accuracy"), sdk.Attr("min"))}},
		},
		"artifact and file": {
			threshold: bounds(0.9, nil),
			more: map[string]cty.Value{
				"artifact":     sdk.Artifact{Name: "digits", Digest: "latest"}.Value(),
				"metrics_file": cty.StringVal("/etc/passwd"),
			},
			want: sdk.Diagnostics{
				{Severity: sdk.Error, Summary: "The metrics file cannot be used", Path: sdk.At(sdk.Attr("metrics_file"))},
				{Severity: sdk.Error, Summary: "The artifact has no digest", Path: sdk.At(sdk.Attr("artifact"))},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := start(t).Validate("eval", config("true", map[string]cty.Value{"accuracy": tt.threshold}, tt.more))
			for _, d := range got {
				if d.Detail == "" {
					t.Errorf("%q has no remedy", d.Summary)
				}
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(sdk.Diagnostic{}, "Detail"), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
		})
	}
}

func sha256Of(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
