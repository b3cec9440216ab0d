package main

import (
	"testing"

	"github.com/stagegate/stagegate/sdk/plugintest"
)

func TestKeepsToTheContract(t *testing.T) {
	t.Parallel()
	plugintest.Check(t, plugin())
}
