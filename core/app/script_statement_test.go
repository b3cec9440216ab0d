package app_test

import (
	"encoding/json"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// payload FILE prints the statements of a file of envelopes, one a line.
func cmdPayload(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: payload file")
	}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var envelope struct {
			Payload []byte `json:"payload"`
		}
		ts.Check(json.Unmarshal([]byte(line), &envelope))
		_, err := ts.Stdout().Write(append(envelope.Payload, '\n'))
		ts.Check(err)
	}
}
