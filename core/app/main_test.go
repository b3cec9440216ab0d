package app_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stagegate/stagegate/core/app"
	"github.com/stagegate/stagegate/core/pluginhost/fake"
)

// TestMain makes the test binary the runner, and every fake plugin, when it is
// started under their names.
func TestMain(m *testing.M) {
	commands := fake.Commands()
	commands["runner"] = runner
	testscript.Main(m, commands)
}

// runner is what cmd/runner does.
func runner() {
	executable, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	os.Exit(app.Main(context.Background(), app.Surroundings{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Environ: os.Environ(), Executable: executable, Signals: signals, Journal: disturbed,
	}))
}
