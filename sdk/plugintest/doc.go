// Package plugintest drives a plugin in process, over real gRPC, so that its
// author can test components without the runner. Check runs what every plugin
// must keep to.
package plugintest
