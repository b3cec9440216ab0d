package component

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"go.etcd.io/etcd/server/v3/embed"
)

// The sockets lie in etcd's working directory: a relative path stays below the
// 107 bytes that a socket's name may have, and a folder in it confuses etcd.
const (
	clientSocket = "client.sock"
	peerSocket   = "peer.sock"
)

// runEtcd serves a single-member etcd on a unix socket.
func runEtcd(args []string) error {
	flags := flag.NewFlagSet(Etcd, flag.ContinueOnError)
	dataDir := flags.String("data-dir", "", "data folder")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	for _, path := range []string{clientSocket, peerSocket} {
		// A killed etcd leaves its sockets behind, and they cannot be bound again.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove stale socket: %w", err)
		}
	}
	server, err := embed.StartEtcd(etcdConfig(*dataDir))
	if err != nil {
		return fmt.Errorf("start etcd: %w", err)
	}
	defer server.Close()
	select {
	case <-ctx.Done():
		return nil
	case err := <-server.Err():
		return fmt.Errorf("serve: %w", err)
	case <-server.Server.StopNotify():
		return errors.New("etcd stopped by itself")
	}
}

func etcdConfig(dataDir string) *embed.Config {
	// etcd takes what stands in the place of a URL's host for the socket's path.
	client := url.URL{Scheme: "unix", Host: clientSocket}
	peer := url.URL{Scheme: "unix", Host: peerSocket}
	config := embed.NewConfig()
	config.Name = "devcluster"
	config.Dir = dataDir
	config.ListenClientUrls = []url.URL{client}
	config.AdvertiseClientUrls = []url.URL{client}
	config.ListenPeerUrls = []url.URL{peer}
	config.AdvertisePeerUrls = []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.Logger = "zap"
	config.LogLevel = "warn"
	config.LogOutputs = []string{embed.StdErrLogOutput}
	// Nothing here must survive a power cut, and fsync is most of what etcd
	// costs on a small machine. Killing the process loses nothing.
	config.UnsafeNoFsync = true
	config.AutoCompactionMode = embed.CompactorModePeriodic
	config.AutoCompactionRetention = "1h"
	return config
}
