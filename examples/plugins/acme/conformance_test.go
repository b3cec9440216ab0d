package main

import (
	"testing"

	"github.com/stagegate/stagegate/sdk/plugintest"
)

// What the runner relies on, whatever the components do.
func TestConformance(t *testing.T) {
	t.Parallel()
	plugintest.Check(t, plugin())
}
