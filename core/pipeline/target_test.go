package pipeline_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/pipeline"
)

func stages() *pipeline.Pipeline {
	p := &pipeline.Pipeline{Name: "digits"}
	add := func(name, block string, needs ...string) {
		p.Stages = append(p.Stages, &pipeline.Stage{Name: name, Block: block, Needs: needs})
	}
	add("data", "data")
	add(`train["a"]`, "train", "data")
	add(`train["b"]`, "train", "data")
	add("check", "check", `train["a"]`)
	add("serve", "serve", "check", `train["a"]`)
	add("module.m.stage.train", "module.m.stage.train", "data")
	add("module.m.module.n.stage.x", "module.m.module.n.stage.x", "module.m.stage.train")
	add("module.more.stage.x", "module.more.stage.x")
	add("clean", "clean", "serve")
	return p
}

func TestOnly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ targets, want, unknown []string }{
		"a stage and what it needs":  {[]string{"stage.serve"}, []string{"data", `train["a"]`, "check", "serve"}, nil},
		"by its name":                {[]string{"data"}, []string{"data"}, nil},
		"one instance":               {[]string{`stage.train["b"]`}, []string{"data", `train["b"]`}, nil},
		"all instances":              {[]string{"stage.train"}, []string{"data", `train["a"]`, `train["b"]`}, nil},
		"a module, with those in it": {[]string{"module.m"}, []string{"data", "module.m.stage.train", "module.m.module.n.stage.x"}, nil},
		"a module in a module":       {[]string{"module.m.module.n"}, []string{"data", "module.m.stage.train", "module.m.module.n.stage.x"}, nil},
		"a stage of a module":        {[]string{"module.m.stage.train"}, []string{"data", "module.m.stage.train"}, nil},
		"several":                    {[]string{"data", "module.more"}, []string{"data", "module.more.stage.x"}, nil},
		"what is not there":          {[]string{"stage.sreve", "data", "module.mo", "trai", "module", "x", ""}, []string{"data"}, []string{"stage.sreve", "module.mo", "trai", "module", "x", ""}},
		"half an address":            {[]string{"module.m.stage", "module.m.module", "module."}, nil, []string{"module.m.stage", "module.m.module", "module."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := stages()
			part, unknown := whole.Only(tt.targets)
			var got []string
			for _, s := range part.Stages {
				got = append(got, s.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("stages (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.unknown, unknown); diff != "" {
				t.Errorf("unknown (-want +got):\n%s", diff)
			}
			if len(whole.Stages) != 9 || part.Name != "digits" {
				t.Errorf("the whole has %d stages, the part is called %q", len(whole.Stages), part.Name)
			}
		})
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	want := []string{
		"module.m", "module.m.module.n", "module.m.module.n.stage.x", "module.m.stage.train", "module.more", "module.more.stage.x",
		"stage.check", "stage.clean", "stage.data", "stage.serve", "stage.train", `stage.train["a"]`, `stage.train["b"]`,
	}
	if diff := cmp.Diff(want, stages().Targets()); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}
