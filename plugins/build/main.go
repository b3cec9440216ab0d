// Command runner-plugin-build is the plugin that makes artifacts: models,
// images, and whatever a command produces.
package main

import "github.com/stagegate/stagegate/sdk"

func main() { sdk.Serve(plugin()) }
