package sdk

import (
	"context"
	"fmt"
	"sync"
	"time"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// stream numbers the events of one execution and keeps it alive. It is safe
// for concurrent use: gRPC's own Send is not.
type stream struct {
	mu       sync.Mutex
	write    func(*pluginv1.Event) error
	sequence uint64
	logBytes int64
	broken   error
	ended    bool
	lastSent time.Time
	tasks    map[string]time.Time // when the progress of each was last sent
	files    []*pluginv1.ResultFile
	cancel   context.CancelCauseFunc
}

func newStream(write func(*pluginv1.Event) error, cancel context.CancelCauseFunc) *stream {
	return &stream{write: write, cancel: cancel, lastSent: time.Now(), tasks: make(map[string]time.Time)}
}

// send numbers and writes one event. When the host is gone it cancels the
// execution, once.
func (s *stream) send(e *pluginv1.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked(e)
}

func (s *stream) locked(e *pluginv1.Event) {
	if s.broken != nil || s.ended {
		return
	}
	now := time.Now()
	s.sequence++
	e.Sequence = s.sequence
	e.Time = timestamppb.New(now)
	s.lastSent = now
	if log := e.GetLog(); log != nil {
		s.logBytes += int64(len(log.GetData()))
	}
	if err := s.write(e); err != nil {
		s.broken = err
		s.cancel(fmt.Errorf("send to the runner: %w", err))
	}
}

// finish sends the result, after which nothing more goes out.
func (s *stream) finish(r *pluginv1.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.LogBytes, r.Files = s.logBytes, s.files
	s.locked(&pluginv1.Event{Body: &pluginv1.Event_Result{Result: r}})
	s.ended = true
	return s.broken
}

func (s *stream) progress(task string, current, total int64, unit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := total > 0 && current >= total
	if last, ok := s.tasks[task]; ok && !done && time.Since(last) < progressInterval {
		return
	}
	if done {
		delete(s.tasks, task)
	} else {
		s.tasks[task] = time.Now()
	}
	s.locked(&pluginv1.Event{Body: &pluginv1.Event_Progress{Progress: &pluginv1.Progress{
		Task: text(task, maxLine), Current: current, Total: total, Unit: unit,
	}}})
}

// file notes a file of the result. What is more than the host takes is left
// out, after one that no host accepts: a result with a part of its files must
// not be taken over.
func (s *stream) file(f ResultFile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) < maxResultFiles {
		s.files = append(s.files, &pluginv1.ResultFile{Path: text(f.Path, maxLine), Shared: f.Shared})
		return
	}
	s.files[0] = &pluginv1.ResultFile{}
}

func (s *stream) handle(data []byte) error {
	if len(data) > maxHandle {
		return fmt.Errorf("emit handle: %d bytes are more than the limit of %d", len(data), maxHandle)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked(&pluginv1.Event{Body: &pluginv1.Event_Handle{Handle: &pluginv1.Handle{Data: data}}})
	return s.broken
}

// beat sends a heartbeat whenever nothing else was sent for a third of the
// longest silence that the host accepts. It returns when ctx ends.
func (s *stream) beat(ctx context.Context, silence time.Duration) {
	if silence <= 0 {
		silence = defaultHeartbeat
	}
	every := silence / 3
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.mu.Lock()
			if time.Since(s.lastSent) >= every/2 {
				s.locked(&pluginv1.Event{Body: &pluginv1.Event_Heartbeat{Heartbeat: &pluginv1.Heartbeat{}}})
			}
			s.mu.Unlock()
		}
	}
}

// logWriter cuts output into messages. It never fails, so that a command whose
// reader is gone is ended by cancellation and not by a broken pipe.
type logWriter struct {
	stream *stream
	origin pluginv1.LogStream
}

// Write sends p, at most maxChunk bytes a message.
func (w logWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), maxChunk)
		w.stream.send(&pluginv1.Event{Body: &pluginv1.Event_Log{Log: &pluginv1.Log{Stream: w.origin, Data: rest[:n]}}})
		rest = rest[n:]
	}
	return len(p), nil
}

func artifactEvent(a Artifact) *pluginv1.Event {
	return &pluginv1.Event{Body: &pluginv1.Event_Artifact{Artifact: artifactWire(a)}}
}

func metricEvent(m Metric) *pluginv1.Event {
	return &pluginv1.Event{Body: &pluginv1.Event_Metric{Metric: metricWire(m)}}
}

func diagnosticEvent(d Diagnostic) *pluginv1.Event {
	return &pluginv1.Event{Body: &pluginv1.Event_Diagnostic{Diagnostic: diagnosticWire(d)}}
}

func attestationEvent(a Attestation) *pluginv1.Event {
	return &pluginv1.Event{Body: &pluginv1.Event_Attestation{Attestation: &pluginv1.Attestation{
		SubjectDigest: a.SubjectDigest, PredicateType: a.PredicateType,
		Statement: a.Statement, Envelope: a.Envelope,
	}}}
}
