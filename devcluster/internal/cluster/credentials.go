package cluster

import (
	"fmt"
	"os"

	"github.com/stagegate/stagegate/devcluster/internal/component"
	"github.com/stagegate/stagegate/devcluster/internal/kubeconfig"
	"github.com/stagegate/stagegate/devcluster/internal/node"
	"github.com/stagegate/stagegate/devcluster/internal/pki"
	"github.com/stagegate/stagegate/devcluster/internal/port"
	"github.com/stagegate/stagegate/devcluster/internal/state"
)

// writeAPIServerFiles makes what the API server and its clients need. The
// authority and the service-account key stay as they are, so clients that
// copied the kubeconfig keep their access; the certificates are new each time.
func writeAPIServerFiles(layout state.Layout, apiServerPort int) error {
	authority, err := pki.LoadOrCreateAuthority(layout.PKI("ca.crt"), layout.PKI("ca.key"), "devcluster")
	if err != nil {
		return err
	}
	if err := pki.EnsureKeyPair(layout.PKI("service-account.key"), layout.PKI("service-account.pub")); err != nil {
		return err
	}
	pair, err := authority.IssueServer("kube-apiserver", port.Loopback, "localhost", serviceIP,
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
	if err != nil {
		return err
	}
	if err := pair.Write(layout.PKI("apiserver.crt"), layout.PKI("apiserver.key")); err != nil {
		return err
	}
	if err := os.WriteFile(layout.Config(stagesFile), node.Stages, 0o600); err != nil {
		return fmt.Errorf("write stages: %w", err)
	}
	server := "https://" + port.Address(apiServerPort)
	for _, client := range []struct {
		path, user string
		groups     []string
	}{
		{layout.Config(component.ControllerManager), "system:kube-controller-manager", nil},
		{layout.Config(component.Scheduler), "system:kube-scheduler", nil},
		{layout.Config(component.KWOK), "kwok", []string{"system:masters"}},
		{layout.Kubeconfig(), "admin", []string{"system:masters"}},
	} {
		pair, err := authority.IssueClient(client.user, client.groups...)
		if err != nil {
			return err
		}
		if err := kubeconfig.Write(client.path, server, authority.CertificatePEM(), client.user, pair); err != nil {
			return err
		}
	}
	return nil
}

// writeRegistryFiles makes the registry's certificate. Its authority is not
// the cluster's: who trusts one need not trust the other.
func writeRegistryFiles(layout state.Layout) error {
	authority, err := pki.LoadOrCreateAuthority(layout.Registry("ca.crt"), layout.Registry("ca.key"), "devcluster registry")
	if err != nil {
		return err
	}
	pair, err := authority.IssueServer("registry", port.Loopback, "localhost")
	if err != nil {
		return err
	}
	return pair.Write(layout.Registry("server.crt"), layout.Registry("server.key"))
}
