package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// message is one of the stream that builds and pushes answer with.
type message struct {
	Stream   string          `json:"stream"`
	Status   string          `json:"status"`
	ID       string          `json:"id"`
	Progress json.RawMessage `json:"progressDetail"`
	Error    *messageError   `json:"errorDetail"`
	Text     string          `json:"error"`
	Aux      json.RawMessage `json:"aux"`
}

type messageError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// maxAux bounds what is kept of a stream.
const maxAux = 64 << 10

var stepSyntax = regexp.MustCompile(`^Step [0-9]+/[0-9]+ : .*`)

// StepError says at which step of a Dockerfile a build failed.
type StepError struct {
	Step    string // empty when it failed before the first
	Message string
	Code    int // exit code of a RUN step's command, or 0
}

// Error names step and reason.
func (e *StepError) Error() string {
	if e.Step == "" {
		return e.Message
	}
	return fmt.Sprintf("%s: %s", e.Step, e.Message)
}

// relay passes the words of a stream on and gives what it says aside, in
// order. A message of failure ends it.
func relay(r io.Reader, out io.Writer, aside func(json.RawMessage)) error {
	step := ""
	for dec := json.NewDecoder(r); ; {
		var m message
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read from the engine: %w", err)
		}
		if at := stepSyntax.FindString(m.Stream); at != "" {
			step = at
		}
		if m.Error != nil || m.Text != "" {
			e := &StepError{Step: step, Message: m.Text}
			if m.Error != nil {
				e.Code = m.Error.Code
				if e.Message == "" {
					e.Message = m.Error.Message
				}
			}
			return e
		}
		if len(m.Aux) > 0 && len(m.Aux) <= maxAux {
			aside(m.Aux)
		}
		if err := m.print(out); err != nil {
			return fmt.Errorf("pass on output: %w", err)
		}
	}
}

// print writes a message as text. Bars of progress are left out: there is one
// for every few kilobytes of a layer.
func (m message) print(out io.Writer) error {
	text := m.Stream
	switch {
	case text != "":
	case m.Status == "" || len(m.Progress) > 2:
		return nil
	case m.ID != "":
		text = m.ID + ": " + m.Status + "\n"
	default:
		text = strings.TrimSuffix(m.Status, "\n") + "\n"
	}
	_, err := io.WriteString(out, text)
	return err
}
