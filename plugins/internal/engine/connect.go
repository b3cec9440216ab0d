package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/docker/docker/client"
	"github.com/stagegate/stagegate/sdk"
)

// connectTimeout is how long an engine may take for its first answer.
const connectTimeout = 10 * time.Second

// Engine is a connection to a Docker engine. The caller closes it.
type Engine struct {
	client *client.Client
}

// UnreachableError says that no engine answered.
type UnreachableError struct {
	Address string // the one that was tried
	Named   bool   // by DOCKER_HOST
	Err     error
}

// Error names the address.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no Docker engine answers at %s: %v", e.Address, e.Err)
}

// Unwrap is the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Remedy is what the user can do.
func (e *UnreachableError) Remedy() string {
	what := "Start the engine, or set DOCKER_HOST in the runner's environment, for example DOCKER_HOST=unix:///run/user/1000/docker.sock."
	if e.Named {
		what = "DOCKER_HOST says to look there. Start the engine, or correct the variable."
	}
	if errors.Is(e.Err, os.ErrPermission) {
		what = "The socket is there, but this user may not use it. Add the user to the group that owns the socket, or use a rootless engine through DOCKER_HOST."
	}
	return what + " The contexts of the docker command are not read."
}

// Failure is what a stage that needs the engine ends with.
func (e *UnreachableError) Failure() *sdk.Failure {
	return &sdk.Failure{Summary: e.Error(), Detail: e.Remedy(), Class: "engine_unreachable", Broken: true}
}

// Connect finds the engine by DOCKER_HOST, DOCKER_CERT_PATH and
// DOCKER_TLS_VERIFY, and agrees on the newest API version that both sides know.
func Connect(ctx context.Context) (*Engine, error) {
	named := os.Getenv(client.EnvOverrideHost) != ""
	address := os.Getenv(client.EnvOverrideHost)
	if !named {
		address = client.DefaultDockerHost
	}
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation(), client.WithUserAgent("stagegate"))
	if err != nil {
		return nil, &UnreachableError{Address: address, Named: named, Err: err}
	}
	asking, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	ping, err := c.Ping(asking)
	if ctx.Err() != nil {
		return nil, errors.Join(context.Cause(ctx), c.Close())
	}
	if err != nil {
		return nil, errors.Join(&UnreachableError{Address: address, Named: named, Err: plain(address, err)}, c.Close())
	}
	c.NegotiateAPIVersionPing(ping)
	return &Engine{client: c}, nil
}

// Close ends the connection.
func (e *Engine) Close() error { return e.client.Close() }

// plain is the reason without the client's own sentence around it, which ends
// in a question.
func plain(address string, err error) error {
	socket, local := strings.CutPrefix(address, "unix://")
	if errors.Is(err, os.ErrPermission) {
		return os.ErrPermission
	}
	if !local || !client.IsErrConnectionFailed(err) {
		return err
	}
	var path *os.PathError
	if _, statErr := os.Stat(socket); errors.As(statErr, &path) {
		return path.Err
	}
	return errors.New("nobody listens on the socket")
}
