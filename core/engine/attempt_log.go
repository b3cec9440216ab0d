package engine

import (
	"bytes"
	"fmt"
	"io"

	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// attemptLog takes the output of one attempt to its file and to the view, after
// secrets were taken out, up to the quota. It is used by one goroutine.
type attemptLog struct {
	run      *run
	stage    string
	attempt  int
	file     io.WriteCloser
	streams  map[string]RedactedStream
	produced int64 // bytes after redaction
	stored   int64
}

const (
	stdout = "stdout"
	stderr = "stderr"
)

func newAttemptLog(r *run, stage string, attempt int) *attemptLog {
	return &attemptLog{run: r, stage: stage, attempt: attempt, streams: make(map[string]RedactedStream, 2)}
}

func (l *attemptLog) write(chunk *pluginv1.Log) error {
	name := stdout
	if chunk.GetStream() == pluginv1.LogStream_LOG_STREAM_STDERR {
		name = stderr
	}
	stream, ok := l.streams[name]
	if !ok {
		stream = l.run.o.Redactor.Stream(func(p []byte) error { return l.store(name, p) })
		l.streams[name] = stream
	}
	_, err := stream.Write(chunk.GetData())
	return err
}

// store keeps and shows redacted bytes, as many as fit.
func (l *attemptLog) store(stream string, p []byte) error {
	l.produced += int64(len(p))
	if room := l.run.o.LogQuota - l.stored; int64(len(p)) > room {
		p = p[:max(room, 0)]
	}
	if len(p) == 0 {
		return nil
	}
	l.stored += int64(len(p))
	return l.emit(stream, p)
}

func (l *attemptLog) emit(stream string, p []byte) error {
	if l.file == nil {
		var err error
		if l.file, err = l.run.o.Logs.StageLog(l.stage, l.attempt); err != nil {
			return err
		}
	}
	if _, err := l.file.Write(p); err != nil {
		return err
	}
	l.run.show(event.Event{
		Type: event.StageLog, Stage: l.stage, Attempt: l.attempt,
		Log: &event.Log{Stream: stream, Data: bytes.Clone(p)},
	})
	return nil
}

// close hands on what was held back, marks what is missing, and makes the file
// durable. It gives the number of bytes of output that were kept.
func (l *attemptLog) close(incomplete bool) (int64, error) {
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	for _, name := range []string{stdout, stderr} {
		if stream, ok := l.streams[name]; ok {
			keep(stream.Flush())
		}
	}
	kept := l.stored
	if l.produced > l.stored {
		keep(l.emit(stderr, fmt.Appendf(nil, "\n[truncated at %d of %d bytes]\n", l.stored, l.produced)))
	}
	if incomplete && l.produced > 0 {
		keep(l.emit(stderr, []byte("\n[incomplete: the stage ended before its output did]\n")))
	}
	if l.file != nil {
		keep(l.file.Close())
	}
	return kept, first
}
