package sdk

import (
	"io"

	"google.golang.org/grpc"
)

// InProcess is what a plugin needs of its surroundings when it is served
// inside another process, as the conformance suite does.
type InProcess struct {
	TrustRoot string                   // file with the keys that decisions are verified against
	Host      grpc.ClientConnInterface // the host's service, or nil
}

// Register adds a plugin's services to a gRPC server.
func Register(g *grpc.Server, p Plugin, around InProcess) error {
	s, err := newServer(p, around.TrustRoot, io.Discard, nil)
	if err != nil {
		return err
	}
	s.host = around.Host
	s.register(g)
	return nil
}
