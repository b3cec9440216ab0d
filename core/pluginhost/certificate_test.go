package pluginhost

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"

	"github.com/stagegate/stagegate/sdk"
)

// pluginConfig is what a plugin makes of its bundle.
func pluginConfig(t *testing.T, bundle []byte) *tls.Config {
	t.Helper()
	leaf, err := tls.X509KeyPair(bundle, bundle)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(bundle) {
		t.Fatal("the bundle holds no authority")
	}
	return &tls.Config{
		Certificates: []tls.Certificate{leaf}, RootCAs: pool, ClientCAs: pool, MinVersion: tls.VersionTLS13,
		ClientAuth: tls.RequireAndVerifyClientCert, ServerName: sdk.ServerName,
	}
}

// shake is the outcome of a TLS handshake on both sides.
func shake(client, server *tls.Config) error {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	go func() {
		s := tls.Server(b, server)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("x"))
		}
		_ = b.Close()
		done <- err
	}()
	c := tls.Client(a, client)
	err := c.Handshake()
	if err == nil {
		// In TLS 1.3 the client learns with the first byte whether it was let in.
		_, err = c.Read(make([]byte, 1))
	}
	_ = a.Close()
	if serverErr := <-done; err == nil {
		err = serverErr
	}
	return err
}

func TestIdentitiesOpenTheirOwnDoorsOnly(t *testing.T) {
	t.Parallel()
	one, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	two, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	first, second := pluginConfig(t, one.bundle), pluginConfig(t, two.bundle)
	nobody := &tls.Config{RootCAs: first.RootCAs, ServerName: sdk.ServerName, MinVersion: tls.VersionTLS13}
	for name, tc := range map[string]struct {
		client, server *tls.Config
		opens          bool
	}{
		"runner to plugin":              {one.client, first, true},
		"plugin to runner":              {first, one.server, true},
		"runner to another plugin":      {one.client, second, false},
		"plugin to another's callbacks": {second, one.server, false},
		"plugin to another plugin":      {second, first, false},
		"no certificate to plugin":      {nobody, first, false},
		"no certificate to callbacks":   {nobody, one.server, false},
	} {
		if err := shake(tc.client, tc.server); (err == nil) != tc.opens {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if bytes.ContainsRune(one.bundle, 0) {
		t.Error("the bundle holds the byte that ends it")
	}
}
