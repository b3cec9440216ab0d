// Package kubeconfig writes and opens kubeconfig files with one cluster and
// one user in them, certificates included.
package kubeconfig

import (
	"fmt"
	"os"
	"time"

	"github.com/stagegate/stagegate/devcluster/internal/pki"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

const name = "devcluster"

// Write stores a kubeconfig, readable by its owner alone, in place of an
// earlier one.
func Write(path, server string, authority []byte, user string, pair pki.Pair) error {
	config := api.NewConfig()
	config.Clusters[name] = &api.Cluster{Server: server, CertificateAuthorityData: authority}
	config.AuthInfos[user] = &api.AuthInfo{ClientCertificateData: pair.Certificate, ClientKeyData: pair.Key}
	config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: user}
	config.CurrentContext = name
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encode kubeconfig: %w", err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("replace kubeconfig: %w", err)
	}
	return nil
}

// Open returns a client and the server's URL. The timeout bounds each request.
func Open(path string, timeout time.Duration) (client *kubernetes.Clientset, server string, err error) {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, "", fmt.Errorf("read kubeconfig: %w", err)
	}
	config.Timeout = timeout
	config.QPS = -1 // we poll a server of our own
	client, err = kubernetes.NewForConfig(config)
	if err != nil {
		return nil, "", fmt.Errorf("make client: %w", err)
	}
	return client, config.Host, nil
}
