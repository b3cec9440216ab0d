package fake

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/stagegate/stagegate/sdk"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/msgpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Faults are the values of the argument fault of rogue.step.
func Faults() []string {
	return []string{
		"wrong_sequence",  // an event is left out
		"no_result",       // the stream ends without a result
		"two_results",     // something follows the result
		"wrong_log_count", // the result counts more output than was sent
		"big_chunk",       // a log chunk of 33 KiB
		"big_handle",      // a handle of 65 KiB
		"big_message",     // an event of 5 MiB
		"many_files",      // a result with 10,001 files
		"many_inputs",     // 1,001 inputs; the stage itself goes well
		"empty_event",     // an event without a body
		"silence",         // neither an event nor a heartbeat
		"status_error",    // the stream ends with a gRPC error
	}
}

// rogue is the plugin without the SDK.
type rogue struct {
	plugin.NetRPCUnsupportedPlugin
	pluginv1.UnimplementedPluginServiceServer
	pluginv1.UnimplementedBuilderServiceServer
}

func serveRogue() {
	bundle, err := bufio.NewReader(os.Stdin).ReadBytes(0)
	if err != nil {
		os.Exit(1)
	}
	bundle = bundle[:len(bundle)-1]
	leaf, err := tls.X509KeyPair(bundle, bundle)
	if err != nil {
		os.Exit(1)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(bundle)
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: sdk.Handshake(),
		Plugins:         plugin.PluginSet{sdk.ProtocolName: rogue{}},
		TLSProvider: func() (*tls.Config, error) {
			return &tls.Config{
				Certificates: []tls.Certificate{leaf}, RootCAs: pool, ClientCAs: pool, ServerName: sdk.ServerName,
				ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
			}, nil
		},
		GRPCServer: plugin.DefaultGRPCServer,
		Logger:     hclog.NewNullLogger(),
	})
}

// GRPCServer registers the services.
func (r rogue) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	pluginv1.RegisterPluginServiceServer(s, r)
	pluginv1.RegisterBuilderServiceServer(s, r)
	return nil
}

// GRPCClient is not for this side.
func (rogue) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side")
}

// Describe is honest.
func (rogue) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	return &pluginv1.DescribeResponse{Name: "rogue", Version: "0.1.0", Components: []*pluginv1.Component{{
		Name: "step", Kind: pluginv1.Kind_KIND_BUILDER, Effect: pluginv1.Effect_EFFECT_PURE,
		Config: &pluginv1.Block{Attributes: []*pluginv1.Attribute{{Name: "fault", Type: []byte(`"string"`), Optional: true}}},
	}}}, nil
}

// Stop is not heard.
func (rogue) Stop(context.Context, *pluginv1.StopRequest) (*pluginv1.StopResponse, error) {
	return &pluginv1.StopResponse{}, nil
}

// Validate finds nothing.
func (rogue) Validate(_ context.Context, req *pluginv1.BuilderServiceValidateRequest) (*pluginv1.BuilderServiceValidateResponse, error) {
	out := &pluginv1.ValidateResponse{}
	fault, err := faultOf(req.GetValidate().GetConfig())
	if fault == "many_inputs" {
		out.Inputs = &pluginv1.Inputs{Complete: true, Files: make([]string, 1001)}
	}
	return &pluginv1.BuilderServiceValidateResponse{Validate: out}, err
}

// faultOf is the one argument.
func faultOf(config *pluginv1.DynamicValue) (string, error) {
	if len(config.GetMsgpack()) == 0 {
		return "", nil
	}
	v, err := msgpack.Unmarshal(config.GetMsgpack(), cty.Object(map[string]cty.Type{"fault": cty.String}))
	if err != nil {
		return "", status.Error(codes.InvalidArgument, err.Error())
	}
	if v = v.GetAttr("fault"); v.IsNull() || !v.IsKnown() {
		return "", nil
	}
	return v.AsString(), nil
}

// Build breaks the protocol.
func (rogue) Build(req *pluginv1.BuildRequest, to grpc.ServerStreamingServer[pluginv1.BuildResponse]) error {
	fault, err := faultOf(req.GetConfig())
	if err != nil {
		return err
	}
	if fault == "silence" {
		<-to.Context().Done()
		return nil
	}
	if fault == "status_error" {
		return status.Error(codes.DataLoss, "the rogue was told to")
	}
	for _, e := range script(fault) {
		if err := to.Send(&pluginv1.BuildResponse{Event: e}); err != nil {
			return err
		}
	}
	return nil
}

// script is what the stream holds.
func script(fault string) []*pluginv1.Event {
	log := func(size int) *pluginv1.Event {
		return &pluginv1.Event{Sequence: 1, Body: &pluginv1.Event_Log{Log: &pluginv1.Log{Data: make([]byte, size)}}}
	}
	result := func(n uint64, logged int64) *pluginv1.Event {
		return &pluginv1.Event{Sequence: n, Body: &pluginv1.Event_Result{Result: &pluginv1.Result{
			Outcome: pluginv1.Outcome_OUTCOME_SUCCEEDED, LogBytes: logged,
		}}}
	}
	switch fault {
	case "wrong_sequence":
		return []*pluginv1.Event{log(10), result(3, 10)}
	case "no_result":
		return []*pluginv1.Event{log(10)}
	case "two_results":
		return []*pluginv1.Event{result(1, 0), result(2, 0)}
	case "wrong_log_count":
		return []*pluginv1.Event{log(10), result(2, 25)}
	case "big_chunk":
		return []*pluginv1.Event{log(33 << 10), result(2, 33<<10)}
	case "big_message":
		return []*pluginv1.Event{log(5 << 20), result(2, 5<<20)}
	case "many_files":
		many := result(2, 10)
		many.GetResult().Files = make([]*pluginv1.ResultFile, 10_001)
		for i := range many.GetResult().GetFiles() {
			many.GetResult().Files[i] = &pluginv1.ResultFile{Path: "f"}
		}
		return []*pluginv1.Event{log(10), many}
	case "big_handle":
		return []*pluginv1.Event{
			{Sequence: 1, Body: &pluginv1.Event_Handle{Handle: &pluginv1.Handle{Data: make([]byte, 65<<10)}}},
			result(2, 0),
		}
	case "empty_event":
		return []*pluginv1.Event{{Sequence: 1}, result(2, 0)}
	}
	return []*pluginv1.Event{log(10), result(2, 10)}
}
