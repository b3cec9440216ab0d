// Command runner-plugin-test is the first-party plugin of testers.
package main

import (
	"github.com/stagegate/stagegate/plugins/test/command"
	"github.com/stagegate/stagegate/plugins/test/container"
	"github.com/stagegate/stagegate/plugins/test/eval"
	"github.com/stagegate/stagegate/plugins/test/kubernetes"
	"github.com/stagegate/stagegate/plugins/test/smoke"
	"github.com/stagegate/stagegate/sdk"
)

func main() { sdk.Serve(plugin()) }

func plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:    "test",
		Version: sdk.Version,
		Testers: []sdk.Tester{command.Component{}, container.Component{}, eval.Component{}, kubernetes.Component{}, smoke.Component{}},
	}
}
