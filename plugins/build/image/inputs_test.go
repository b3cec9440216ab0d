package image_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

func TestInputs(t *testing.T) {
	t.Parallel()
	h := start(t)
	got := h.Inputs("image", config(map[string]cty.Value{"file": files(map[string]cty.Value{
		"/app/server": file("source", "./server"), "/data": file("source", "data[1]"),
	})}))
	if diff := cmp.Diff(sdk.Inputs{Complete: true, Files: []string{`data\[1]`, "server"}}, got); diff != "" {
		t.Error(diff)
	}
	pushed := h.Inputs("image", config(map[string]cty.Value{
		"registry": cty.ObjectVal(map[string]cty.Value{"repository": cty.StringVal("example.com/images/server")}),
	}))
	if diff := cmp.Diff(sdk.Inputs{Reason: "it pushes to a registry"}, pushed); diff != "" {
		t.Error(diff)
	}
}
