package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/stagegate/stagegate/devcluster/internal/port"
)

// probeRegistry asks the registry for its API version over verified TLS.
func (c *Cluster) probeRegistry(ctx context.Context, registryPort int) error {
	authority, err := os.ReadFile(c.Layout.Registry("ca.crt"))
	if err != nil {
		return fmt.Errorf("read registry authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return errors.New("registry authority holds no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+port.Address(registryPort)+"/v2/", http.NoBody)
	if err != nil {
		return fmt.Errorf("ask registry: %w", err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("ask registry: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("registry answers %s", response.Status)
	}
	return nil
}
