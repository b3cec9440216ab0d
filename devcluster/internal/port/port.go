// Package port chooses TCP ports on the loopback interface.
package port

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// Loopback is the only address that anything here listens on.
const Loopback = "127.0.0.1"

// Choose returns a port that is free now. It returns the preferred one where
// that is possible, so that addresses survive a restart. Somebody else may
// still take the port before it is used: the caller has to try again then.
func Choose(ctx context.Context, preferred int) (int, error) {
	if preferred > 0 {
		chosen, err := probe(ctx, preferred)
		if err == nil {
			return chosen, nil
		}
	}
	return probe(ctx, 0)
}

// Address returns the loopback address with the port.
func Address(port int) string {
	return net.JoinHostPort(Loopback, strconv.Itoa(port))
}

// Free reports whether nothing listens on the port.
func Free(ctx context.Context, port int) bool {
	_, err := probe(ctx, port)
	return err == nil
}

func probe(ctx context.Context, port int) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", Address(port))
	if err != nil {
		return 0, fmt.Errorf("choose a port: %w", err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil {
		return 0, fmt.Errorf("release chosen port: %w", err)
	}
	if !ok {
		return 0, errors.New("listener has no TCP address")
	}
	return address.Port, nil
}
