package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/pipeline"
)

func TestSplitName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"train":                                  "|train",
		`train["a.b"]`:                           `|train["a.b"]`,
		"module.m.stage.train":                   "module.m|train",
		`module.m.module.n.stage.train["x"]`:     `module.m,module.n|train["x"]`,
		`module.m["a.\"b"].stage.train["x.\"y"]`: `module.m["a.\"b"]|train["x.\"y"]`,
		"module.m":                               "module.m|",
		`module.m["`:                             `module.m["|`,
		"":                                       "|",
	} {
		modules, stage := pipeline.SplitName(name)
		if got := strings.Join(modules, ",") + "|" + stage; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
