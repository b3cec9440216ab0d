// Command runner-plugin-acme is a plugin of a vendor: a module of its own that
// imports nothing of the runner but its SDK.
package main

import "github.com/stagegate/stagegate/sdk"

func main() { sdk.Serve(plugin()) }

func plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:    "acme",
		Version: "1.2.0",
		Testers: []sdk.Tester{licenses{}},
	}
}
