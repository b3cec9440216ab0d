// Devcluster runs a real Kubernetes control plane with simulated GPU nodes and
// an OCI registry on the loopback interface, without any privilege. It is made
// for demonstrations and tests.
//
// One program plays every part: `devcluster up` starts itself again once for
// each component.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/stagegate/stagegate/devcluster/internal/component"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	if len(args) > 1 && args[0] == "component" {
		if err := component.Run(args[1], args[2:]); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", args[1], err)
			return exitInternal
		}
		return exitDone
	}
	component.HideGlobalFlags()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return execute(ctx, args, os.Stdout, os.Stderr)
}
