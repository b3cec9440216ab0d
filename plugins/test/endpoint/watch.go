package endpoint

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/stagegate/stagegate/plugins/test/load"
)

// watch follows one answer while it arrives.
type watch struct {
	begin       time.Time
	first       time.Duration // byte of the body, or the end of a header without one
	bytes       int64
	events      bool
	line        []byte // how the line that is being read begins
	count       int64  // of events
	firstEvent  time.Duration
	latestEvent time.Duration
}

func (w *watch) header() { w.first = time.Since(w.begin) }

// read reads the body to its end, which is kept when it is asked for. Of what is
// longer no more is read.
func (w *watch) read(body io.Reader, most int64, keep bool) ([]byte, error) {
	var text bytes.Buffer
	chunk := make([]byte, 16<<10)
	for {
		n, err := body.Read(chunk)
		if n > 0 {
			now := time.Since(w.begin)
			if w.bytes == 0 {
				w.first = now
			}
			if w.bytes += int64(n); w.bytes > most {
				return nil, fault(tooLong + humanize.IBytes(uint64(most))) //nolint:gosec // it is positive
			}
			if keep {
				text.Write(chunk[:n])
			}
			if w.events {
				w.scan(chunk[:n], now)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			w.scan([]byte("\n"), time.Since(w.begin))
			return text.Bytes(), nil
		case err != nil:
			return nil, err
		}
	}
}

// The line of an event, and the one with which some servers say that there are
// no more.
const (
	data = "data:"
	done = "data:[DONE]"
)

// scan counts the lines of events. However long one is, its beginning is enough.
func (w *watch) scan(chunk []byte, now time.Duration) {
	for _, b := range chunk {
		switch {
		case b == '\n':
			if strings.HasPrefix(string(w.line), data) && string(w.line) != done {
				w.event(now)
			}
			w.line = w.line[:0]
		case len(w.line) <= len(done) && b != ' ' && b != '\r':
			w.line = append(w.line, b)
		}
	}
}

func (w *watch) event(now time.Duration) {
	if w.count++; w.count == 1 {
		w.firstEvent = now
	}
	w.latestEvent = now
}

func (w *watch) outcome(took time.Duration) load.Outcome {
	o := load.Outcome{Took: took, FirstByte: w.first, FirstEvent: w.firstEvent, Events: w.count, Bytes: w.bytes}
	if w.count > 1 {
		o.Gap = (w.latestEvent - w.firstEvent) / time.Duration(w.count-1)
	}
	return o
}
