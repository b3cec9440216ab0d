package metrics

import (
	"bytes"
	"errors"
	"fmt"
)

// TailBytes is how much of the end of an output is searched.
const TailBytes = 1 << 20

// ErrNone says that an output holds no JSON object.
var ErrNone = errors.New("no line of the output begins a JSON object")

// Tail keeps the end of an output. The zero value is ready; it is not safe for
// concurrent use.
type Tail struct {
	kept    []byte
	written int64
}

// Write keeps what may still be needed. It never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.written += int64(len(p))
	t.kept = append(t.kept, p...)
	// Cutting at twice the size makes the copies cost no more than the writes.
	if len(t.kept) > 2*TailBytes {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-TailBytes:]...)
	}
	return len(p), nil
}

// Object is the last JSON object of the output that begins at the start of a
// line. An object that is begun there and is not valid JSON is an error even
// when an earlier one was whole: the last word counts.
func (t *Tail) Object() ([]byte, error) {
	window := t.kept
	if len(window) > TailBytes {
		window = window[len(window)-TailBytes:]
	}
	if t.written > int64(len(window)) {
		// The first line may be the end of a longer one.
		_, window, _ = bytes.Cut(window, []byte("\n"))
	}
	object, err := lastObject(window)
	if errors.Is(err, ErrNone) && t.written > TailBytes {
		return nil, fmt.Errorf("%w in its last %d bytes", err, TailBytes)
	}
	return object, err
}

// lastObject scans forward, so that an object inside another is never taken
// for the last one. Broken objects make the scan start again behind their
// first line; the budget keeps that linear.
func lastObject(text []byte) ([]byte, error) {
	var last []byte
	var broken error
	budget := 16 * (len(text) + 1)
	for at := 0; at < len(text); {
		if !beginsObject(text[at:]) {
			at = nextLine(text, at)
			continue
		}
		object, end, err := firstValue(text[at:])
		if err == nil {
			last, broken = object, nil
			at = nextLine(text, at+end)
			continue
		}
		broken = err
		if budget -= end; budget < 0 {
			return nil, errors.New("the output holds too many JSON objects that are not finished")
		}
		at = nextLine(text, at)
	}
	switch {
	case broken != nil:
		return nil, broken
	case last == nil:
		return nil, ErrNone
	}
	return last, nil
}

// beginsObject tells an object from other text in braces, such as a log line
// or what a language prints for its own maps.
func beginsObject(line []byte) bool {
	if len(line) == 0 || line[0] != '{' {
		return false
	}
	rest := bytes.TrimLeft(line[1:min(len(line), 256)], " \t\r\n")
	return len(rest) > 0 && (rest[0] == '"' || rest[0] == '}')
}

func nextLine(text []byte, at int) int {
	if at >= len(text) {
		return len(text)
	}
	if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}
