package pluginhost

import (
	"context"
	"fmt"

	"github.com/stagegate/stagegate/core/engine"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/grpc"
)

// receiver takes the next event of a stream.
type receiver func() (*pluginv1.Event, error)

// openStream starts the one request that the call holds.
func openStream(ctx context.Context, p *instance, call engine.Call) (receiver, error) {
	deployer := pluginv1.NewDeployerServiceClient(p.conn)
	switch {
	case call.Build != nil:
		s, err := pluginv1.NewBuilderServiceClient(p.conn).Build(ctx, call.Build)
		return events(s, err)
	case call.Test != nil:
		s, err := pluginv1.NewTesterServiceClient(p.conn).Test(ctx, call.Test)
		return events(s, err)
	case call.Apply != nil:
		s, err := deployer.Apply(ctx, call.Apply)
		return events(s, err)
	case call.Observe != nil:
		s, err := deployer.Observe(ctx, call.Observe)
		return events(s, err)
	case call.Rollback != nil:
		s, err := deployer.Rollback(ctx, call.Rollback)
		return events(s, err)
	}
	return nil, fmt.Errorf("execute %s: the call holds no request", call.Component)
}

// carrier is the response of any stream.
type carrier interface{ GetEvent() *pluginv1.Event }

// message is a pointer to a response.
type message[T any] interface {
	*T
	carrier
}

func events[T any, M message[T]](s grpc.ServerStreamingClient[T], err error) (receiver, error) {
	if err != nil {
		return nil, err
	}
	return func() (*pluginv1.Event, error) {
		m, err := s.Recv()
		if err != nil {
			return nil, err
		}
		return M(m).GetEvent(), nil
	}, nil
}

// attemptOf is the attempt of whichever request is set.
func attemptOf(call engine.Call) *pluginv1.Attempt {
	switch {
	case call.Build != nil:
		return call.Build.GetAttempt()
	case call.Test != nil:
		return call.Test.GetAttempt()
	case call.Apply != nil:
		return call.Apply.GetAttempt()
	case call.Observe != nil:
		return call.Observe.GetAttempt()
	}
	return call.Rollback.GetAttempt()
}

// checks are what a stream has to keep to.
type checks struct {
	sequence uint64
	logBytes int64
	events   int
}

// event checks the next event.
func (c *checks) event(e *pluginv1.Event) error {
	c.sequence++
	if e.GetSequence() != c.sequence {
		return fmt.Errorf("event %d came where %d was due", e.GetSequence(), c.sequence)
	}
	switch body := e.GetBody().(type) {
	case *pluginv1.Event_Heartbeat:
		return nil
	case *pluginv1.Event_Log:
		c.logBytes += int64(len(body.Log.GetData()))
		return within("a log chunk", len(body.Log.GetData()), maxChunk)
	case *pluginv1.Event_Handle:
		return within("a handle", len(body.Handle.GetData()), maxHandle)
	case *pluginv1.Event_Result:
		if n := len(body.Result.GetFiles()); n > maxResultFiles {
			return fmt.Errorf("the result names %d files, the limit is %d", n, maxResultFiles)
		}
		return within("the outputs", len(body.Result.GetOutputs().GetMsgpack()), maxOutputs)
	case nil:
		return fmt.Errorf("event %d is empty", c.sequence)
	}
	if c.events++; c.events > maxEvents {
		return fmt.Errorf("it sent more than %d events", maxEvents)
	}
	return nil
}

func within(what string, size, limit int) error {
	if size > limit {
		return fmt.Errorf("%s has %d bytes, the limit is %d", what, size, limit)
	}
	return nil
}

// missing marks a log of which something was lost: in the log itself, and as a
// warning.
func (c *checks) missing(result *pluginv1.Result) []*pluginv1.Event {
	if result.GetLogBytes() == c.logBytes {
		return nil
	}
	text := fmt.Sprintf("the log is incomplete: %d bytes were sent, %d arrived", result.GetLogBytes(), c.logBytes)
	return []*pluginv1.Event{
		{Body: &pluginv1.Event_Log{Log: &pluginv1.Log{
			Stream: pluginv1.LogStream_LOG_STREAM_STDERR, Data: []byte("\n[" + text + "]\n"),
		}}},
		{Body: &pluginv1.Event_Diagnostic{Diagnostic: &pluginv1.Diagnostic{
			Severity: pluginv1.Severity_SEVERITY_WARNING, Summary: text,
			Detail: "The output of this attempt cannot be relied on. This is a bug in the plugin; please report it to its author.",
		}}},
	}
}
