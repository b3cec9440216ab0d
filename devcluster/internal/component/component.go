// Package component runs one part of the cluster inside this process: etcd, a
// Kubernetes command, KWOK or the registry. All are linked into one program,
// which saves four link steps; a process only ever runs one of them, because
// their flags, metrics and signal handlers would get in each other's way.
package component

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // the commands' JSON log format
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // the commands' client metrics
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// The components of a cluster.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	Scheduler         = "kube-scheduler"
	ControllerManager = "kube-controller-manager"
	KWOK              = "kwok"
	Registry          = "registry"
)

// ErrUnknown is returned by Run for a name that no component has.
var ErrUnknown = errors.New("unknown component")

// Run runs the named component with its arguments until it is told to stop by
// a signal. The upstream commands end the process themselves when they fail.
func Run(name string, args []string) error {
	// Each upstream command expects to be the program: its flags are read from
	// os.Args, and its name is the first word of them.
	os.Args = append([]string{name}, args...)
	switch name {
	case Etcd:
		return runEtcd(args)
	case APIServer:
		return exitError(cli.Run(apiserver.NewAPIServerCommand()))
	case Scheduler:
		return exitError(cli.Run(scheduler.NewSchedulerCommand()))
	case ControllerManager:
		return exitError(cli.Run(controllermanager.NewControllerManagerCommand()))
	case KWOK:
		return runKWOK()
	case Registry:
		return runRegistry(args)
	default:
		return fmt.Errorf("%w %q", ErrUnknown, name)
	}
}

// HideGlobalFlags forgets the flags that linked packages have declared for the
// whole process. Every cobra command takes them over, and a --version of
// Kubernetes makes no sense to any command but Kubernetes' own.
func HideGlobalFlags() {
	pflag.CommandLine = pflag.NewFlagSet("", pflag.ContinueOnError)
}

func exitError(code int) error {
	if code != 0 {
		return fmt.Errorf("exit code %d", code)
	}
	return nil
}
