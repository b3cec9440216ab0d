package cluster

import (
	"path/filepath"
	"strconv"

	"github.com/stagegate/stagegate/devcluster/internal/component"
	"github.com/stagegate/stagegate/devcluster/internal/node"
	"github.com/stagegate/stagegate/devcluster/internal/port"
	"github.com/stagegate/stagegate/devcluster/internal/state"
)

const (
	serviceCIDR = "10.96.0.0/16"
	serviceIP   = "10.96.0.1" // the first of serviceCIDR is the API server's own
	stagesFile  = "stages.yaml"
)

// arguments returns a component's command line. Whatever listens does so on
// the loopback interface; what need not listen does not.
func arguments(name string, layout state.Layout, ports state.Ports) []string {
	switch name {
	case component.Etcd:
		return []string{"--data-dir=" + layout.Etcd("data")}
	case component.APIServer:
		return apiServerArguments(layout, ports.APIServer)
	case component.ControllerManager:
		return []string{
			"--kubeconfig=" + layout.Config(name),
			"--service-account-private-key-file=" + layout.PKI("service-account.key"),
			"--root-ca-file=" + layout.PKI("ca.crt"),
			"--use-service-account-credentials=true",
			// One account for each of forty controllers: the default rate makes
			// the start wait five seconds for them.
			"--kube-api-qps=200",
			"--kube-api-burst=400",
			"--bind-address=" + port.Loopback,
			"--secure-port=0",
			"--leader-elect=false",
			"--profiling=false",
		}
	case component.Scheduler:
		return []string{
			"--kubeconfig=" + layout.Config(name),
			"--bind-address=" + port.Loopback,
			"--secure-port=0",
			"--leader-elect=false",
			"--profiling=false",
		}
	case component.KWOK:
		return []string{
			"--kubeconfig=" + layout.Config(name),
			"--config=" + layout.Config(stagesFile),
			"--manage-all-nodes=false",
			"--manage-nodes-with-annotation-selector=" + node.SimulatedSelector,
			"--cidr=" + node.PodCIDR,
			"--node-lease-duration-seconds=40", // as kubelet; without it no node sends a sign of life
			"--node-port=0",                    // no simulated kubelet API: there is nothing to exec into
		}
	case component.Registry:
		return []string{
			"--address=" + port.Address(ports.Registry),
			"--tls-cert-file=" + layout.Registry("server.crt"),
			"--tls-key-file=" + layout.Registry("server.key"),
			"--data-dir=" + layout.Registry("data"),
		}
	}
	return nil
}

func apiServerArguments(layout state.Layout, securePort int) []string {
	return []string{
		"--etcd-servers=unix://client.sock", // in the working directory
		"--bind-address=" + port.Loopback,
		"--secure-port=" + strconv.Itoa(securePort),
		// A loopback address is no valid endpoint of a Service; without the
		// reconciler nobody tries to make it one.
		"--advertise-address=" + port.Loopback,
		"--endpoint-reconciler-type=none",
		"--tls-cert-file=" + layout.PKI("apiserver.crt"),
		"--tls-private-key-file=" + layout.PKI("apiserver.key"),
		"--cert-dir=" + filepath.Clean(layout.PKI("")),
		"--client-ca-file=" + layout.PKI("ca.crt"),
		"--service-account-key-file=" + layout.PKI("service-account.pub"),
		"--service-account-signing-key-file=" + layout.PKI("service-account.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-cluster-ip-range=" + serviceCIDR,
		"--authorization-mode=Node,RBAC",
		// As most real clusters: what is refused, a policy has to refuse.
		"--allow-privileged=true",
		"--profiling=false",
	}
}

// workingDir is where a component runs. etcd's sockets are named relative to
// it, and the API server finds them there.
func workingDir(name string, layout state.Layout) string {
	switch name {
	case component.Etcd, component.APIServer:
		return layout.Etcd("")
	default:
		return layout.Dir
	}
}
