// Command runner-plugin-policy is the first-party plugin of policies, and of
// the tests of their rules.
package main

import (
	"github.com/stagegate/stagegate/plugins/policy/opa"
	"github.com/stagegate/stagegate/plugins/policy/tests"
	"github.com/stagegate/stagegate/sdk"
)

func main() { sdk.Serve(plugin()) }

func plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:     "policy",
		Version:  sdk.Version,
		Policies: []sdk.Policy{opa.New()},
		Testers:  []sdk.Tester{tests.Component{}},
	}
}
