package config_test

import (
	"testing"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// The schemas below are like those of the first-party plugins, small enough to
// see at a glance what a test is about.

type attributeOption func(*pluginv1.Attribute)

func required(a *pluginv1.Attribute)  { a.Required, a.Optional = true, false }
func sensitive(a *pluginv1.Attribute) { a.Sensitive = true }

func deprecated(text string) attributeOption {
	return func(a *pluginv1.Attribute) { a.Deprecated = text }
}

func attribute(tb testing.TB, name string, ty cty.Type, options ...attributeOption) *pluginv1.Attribute {
	tb.Helper()
	data, err := ctyjson.MarshalType(ty)
	if err != nil {
		tb.Fatal(err)
	}
	a := &pluginv1.Attribute{Name: name, Type: data, Optional: true}
	for _, option := range options {
		option(a)
	}
	return a
}

func artifactType() cty.Type {
	return cty.Object(map[string]cty.Type{"name": cty.String, "digest": cty.String})
}

// plugins describes the plugins build, test, policy and deploy.
func plugins(tb testing.TB) map[string]*pluginv1.DescribeResponse {
	tb.Helper()
	artifact := attribute(tb, "artifact", artifactType())
	offer := func(name string, components ...*pluginv1.Component) *pluginv1.DescribeResponse {
		return &pluginv1.DescribeResponse{Name: name, Version: "0.1.0", Components: components}
	}
	return map[string]*pluginv1.DescribeResponse{
		"build": offer("build", &pluginv1.Component{
			Name: "model", Kind: pluginv1.Kind_KIND_BUILDER,
			Config: &pluginv1.Block{Attributes: []*pluginv1.Attribute{
				attribute(tb, "name", cty.String, required),
				attribute(tb, "files", cty.List(cty.String), required),
				attribute(tb, "labels", cty.Map(cty.String)),
				attribute(tb, "level", cty.Number),
				attribute(tb, "token", cty.String, sensitive),
				attribute(tb, "kind", cty.String, deprecated("Use labels instead.")),
			}},
			Outputs: []*pluginv1.Attribute{artifact, attribute(tb, "key", cty.String, sensitive)},
		}),
		"test": offer("test", &pluginv1.Component{
			Name: "eval", Kind: pluginv1.Kind_KIND_TESTER,
			Config: &pluginv1.Block{
				Attributes: []*pluginv1.Attribute{
					artifact, attribute(tb, "command", cty.List(cty.String), required), attribute(tb, "settings", cty.DynamicPseudoType),
				},
				Blocks: []*pluginv1.NestedBlock{{
					TypeName: "threshold", Nesting: pluginv1.Nesting_NESTING_MAP, MinItems: 1, MaxItems: 3, Label: "metric",
					Block: &pluginv1.Block{Attributes: []*pluginv1.Attribute{
						attribute(tb, "min", cty.Number), attribute(tb, "max", cty.Number),
					}},
				}},
			},
			Outputs: []*pluginv1.Attribute{attribute(tb, "metrics", cty.Map(cty.Number))},
		}, &pluginv1.Component{
			Name: "command", Kind: pluginv1.Kind_KIND_TESTER,
			Config: &pluginv1.Block{Attributes: []*pluginv1.Attribute{
				attribute(tb, "command", cty.List(cty.String), required), attribute(tb, "env", cty.Map(cty.String)),
			}},
		}),
		"policy": offer("policy", &pluginv1.Component{
			Name: "opa", Kind: pluginv1.Kind_KIND_POLICY,
			Config: &pluginv1.Block{Attributes: []*pluginv1.Attribute{attribute(tb, "bundle", cty.String)}},
		}),
		"deploy": offer("deploy", deployComponent(tb, artifact)),
	}
}

func deployComponent(tb testing.TB, artifact *pluginv1.Attribute) *pluginv1.Component {
	tb.Helper()
	return &pluginv1.Component{
		Name: "kubernetes", Kind: pluginv1.Kind_KIND_DEPLOYER,
		Config: &pluginv1.Block{
			Attributes: []*pluginv1.Attribute{artifact, attribute(tb, "replicas", cty.Number)},
			Blocks: []*pluginv1.NestedBlock{
				{
					TypeName: "gpu", Nesting: pluginv1.Nesting_NESTING_SINGLE,
					Block: &pluginv1.Block{Attributes: []*pluginv1.Attribute{
						attribute(tb, "resource", cty.String), attribute(tb, "count", cty.Number, required),
					}},
				},
				{TypeName: "strategy", Nesting: pluginv1.Nesting_NESTING_MAP, MaxItems: 1, Block: &pluginv1.Block{}},
				{
					TypeName: "port", Nesting: pluginv1.Nesting_NESTING_LIST,
					Block: &pluginv1.Block{Attributes: []*pluginv1.Attribute{attribute(tb, "number", cty.Number, required)}},
				},
			},
		},
		Outputs: []*pluginv1.Attribute{attribute(tb, "url", cty.String)},
	}
}
