package sdk

import (
	"io"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Emitter sends the events of one execution. Its methods may be called from
// several goroutines; they block while the runner is slow, and do nothing once
// the stream is gone.
type Emitter struct {
	stream *stream
}

// Stdout is the stage's standard output. Chunks are bytes, not lines; a writer
// never fails.
func (e *Emitter) Stdout() io.Writer {
	return logWriter{e.stream, pluginv1.LogStream_LOG_STREAM_STDOUT}
}

// Stderr is the stage's standard error.
func (e *Emitter) Stderr() io.Writer {
	return logWriter{e.stream, pluginv1.LogStream_LOG_STREAM_STDERR}
}

// Progress says how much of a task is done. A total of 0 means not known; unit
// is "bytes" or what is counted. Calls closer together than 100 ms are merged,
// but the one that completes a task is always sent.
func (e *Emitter) Progress(task string, current, total int64, unit string) {
	e.stream.progress(task, current, total, unit)
}

// Artifact announces an artifact.
func (e *Emitter) Artifact(a Artifact) { e.stream.send(artifactEvent(a)) }

// Metric announces a measured number.
func (e *Emitter) Metric(m Metric) { e.stream.send(metricEvent(m)) }

// Diagnostic says something about the configuration.
func (e *Emitter) Diagnostic(d Diagnostic) { e.stream.send(diagnosticEvent(d)) }

// Attestation makes a statement about an artifact.
func (e *Emitter) Attestation(a Attestation) { e.stream.send(attestationEvent(a)) }

// File says that a file in the work folder belongs to the result: when the
// runner takes the result over in a later run, it puts the file back. It is
// called before the component returns.
func (e *Emitter) File(f ResultFile) { e.stream.file(f) }

// Handle stores how to find what was started outside, at most 64 KiB. When it
// returns nil the event is on its way in order; the runner stores it before it
// reads the next.
func (e *Emitter) Handle(data []byte) error { return e.stream.handle(data) }
