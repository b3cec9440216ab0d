package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/stagegate/stagegate/devcluster/internal/component"
	"github.com/stagegate/stagegate/devcluster/internal/kubeconfig"
	"github.com/stagegate/stagegate/devcluster/internal/port"
)

// portAttempts bounds how often a port is chosen anew because somebody else
// took the chosen one first.
const portAttempts = 5

// startServers starts what others connect to: etcd, the registry and the API
// server. They come up side by side; the API server waits for etcd by itself.
func (l *launch) startServers(ctx context.Context) error {
	if !l.recorded.Alive(component.Etcd) {
		if err := l.start(component.Etcd); err != nil {
			return err
		}
	}
	began := time.Now()
	needRegistry, needAPIServer := !l.recorded.Alive(component.Registry), !l.recorded.Alive(component.APIServer)
	if needRegistry {
		if err := l.startRegistry(ctx); err != nil {
			return err
		}
	}
	if needAPIServer {
		if err := l.startAPIServer(ctx); err != nil {
			return err
		}
	}
	err := l.untilReady(ctx, component.Registry, needRegistry, began, l.registryReady, l.startRegistry)
	if err != nil {
		return err
	}
	return l.untilReady(ctx, component.APIServer, needAPIServer, began, l.apiServerReady, l.startAPIServer)
}

// untilReady waits for a server that has just been started, and starts it
// again on another port where it lost the race for its port.
func (l *launch) untilReady(
	ctx context.Context, name string, started bool, began time.Time, ready func(context.Context) error, restart func(context.Context) error,
) error {
	if !started {
		return nil
	}
	for attempt := 1; ; attempt++ {
		err := l.wait(ctx, name, func() error { return ready(ctx) })
		if err == nil {
			l.cluster.Progress(name, "ready", time.Since(began))
			return nil
		}
		var ended *ComponentError
		if !errors.As(err, &ended) || ended.Component != name || !ended.portTaken() || attempt == portAttempts {
			return err
		}
		l.cluster.Progress(name, "lost its port, tries another", time.Since(began))
		if err := restart(ctx); err != nil {
			return err
		}
	}
}

func (l *launch) startRegistry(ctx context.Context) error {
	chosen, err := port.Choose(ctx, l.recorded.Ports.Registry)
	if err != nil {
		return err
	}
	l.recorded.Ports.Registry = chosen
	if err := writeRegistryFiles(l.cluster.Layout); err != nil {
		return err
	}
	return l.start(component.Registry)
}

func (l *launch) startAPIServer(ctx context.Context) error {
	chosen, err := port.Choose(ctx, l.recorded.Ports.APIServer)
	if err != nil {
		return err
	}
	if chosen != l.recorded.Ports.APIServer {
		// Its clients that still run know the former address only.
		_, err := l.cluster.stop(ctx, l.recorded, stopGrace, component.KWOK, component.Scheduler, component.ControllerManager)
		if err != nil {
			return err
		}
	}
	l.recorded.Ports.APIServer = chosen
	if err := writeAPIServerFiles(l.cluster.Layout, chosen); err != nil {
		return err
	}
	return l.start(component.APIServer)
}

func (l *launch) registryReady(ctx context.Context) error {
	return l.cluster.probeRegistry(ctx, l.recorded.Ports.Registry)
}

func (l *launch) apiServerReady(ctx context.Context) error {
	client, _, err := kubeconfig.Open(l.cluster.Layout.Kubeconfig(), requestTimeout)
	if err != nil {
		return err
	}
	_, err = client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
	return err
}
