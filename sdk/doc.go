// Package sdk is everything that a plugin author imports: a struct for each
// component, and one call of Serve.
//
// A plugin is a binary named runner-plugin-<name>. It offers components of
// four kinds (Builder, Tester, Policy, Deployer), each with a Schema that the
// runner uses to read the stage's `with` block, and talks to the runner by the
// protocol runner.plugin.v1, which this package hides.
//
// The package imports neither the runner nor any plugin, so that it can be
// linked alone.
package sdk
