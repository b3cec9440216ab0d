// Command runner-plugin-deploy is the first-party plugin of deployers.
package main

import (
	"github.com/stagegate/stagegate/plugins/deploy/kubernetes"
	"github.com/stagegate/stagegate/sdk"
)

func main() { sdk.Serve(plugin()) }

func plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:      "deploy",
		Version:   sdk.Version,
		Deployers: []sdk.Deployer{kubernetes.Component{}},
	}
}
