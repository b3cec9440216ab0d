package component

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // where the blobs are
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
)

// registryShutdownGrace bounds how long running transfers hold up the end.
const registryShutdownGrace = 2 * time.Second

// runRegistry serves an OCI registry over TLS.
func runRegistry(args []string) error {
	flags := flag.NewFlagSet(Registry, flag.ContinueOnError)
	address := flags.String("address", "", "address to listen on")
	certFile := flags.String("tls-cert-file", "", "server certificate")
	keyFile := flags.String("tls-key-file", "", "server key")
	dataDir := flags.String("data-dir", "", "data folder")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	logrus.SetLevel(logrus.WarnLevel) // else each request writes a line
	certificate, err := tls.LoadX509KeyPair(*certFile, *keyFile)
	if err != nil {
		return fmt.Errorf("load server certificate: %w", err)
	}
	var listenConfig net.ListenConfig
	listener, err := listenConfig.Listen(ctx, "tcp", *address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	app := handlers.NewApp(ctx, registryConfig(*address, *dataDir))
	server := &http.Server{
		Handler:           app,
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	var group errgroup.Group
	group.Go(func() error {
		defer stop() // ends the wait below when serving fails
		err := server.ServeTLS(listener, "", "")
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve: %w", err)
	})
	<-ctx.Done()
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), registryShutdownGrace)
	defer cancel()
	if server.Shutdown(shutdown) != nil {
		_ = server.Close() // the grace is over
	}
	return errors.Join(group.Wait(), app.Shutdown())
}

func registryConfig(address, dataDir string) *configuration.Configuration {
	config := &configuration.Configuration{
		Version: configuration.CurrentVersion,
		Storage: configuration.Storage{
			"filesystem": configuration.Parameters{"rootdirectory": dataDir},
			"delete":     configuration.Parameters{"enabled": true},
		},
	}
	config.Log.AccessLog.Disabled = true
	config.HTTP.Addr = address
	config.HTTP.Host = "https://" + address
	config.HTTP.Secret = rand.Text() // signs upload sessions; none outlives the process
	config.Catalog.MaxEntries = 1000
	return config
}
