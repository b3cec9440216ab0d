package app

import (
	"encoding/json"
	"strings"

	"github.com/stagegate/stagegate/core/diag"
)

// machine is what is known about a program that reads the answer. It gets one
// document, or the lines of a stream: when there is no answer, the document
// says why. Whoever asks without it gets words on standard error.
type machine struct {
	reads    bool // the arguments ask for JSON
	answered bool // an answer has begun: the rest goes to standard error
}

// wantsJSON reports whether the arguments ask for JSON. It looks at them as they
// are: they may be wrong, and that is then said in JSON as well.
func wantsJSON(args []string) bool {
	wants := false
	for i, arg := range args {
		if arg == "--" {
			break
		}
		value, ok := strings.CutPrefix(arg, "--format=")
		if arg == "--format" && i+1 < len(args) {
			value, ok = args[i+1], true
		}
		if ok {
			wants = value == "json"
		}
	}
	return wants
}

// fail says why a command has no answer.
func (a *app) fail(err error) {
	if err == nil {
		return
	}
	if !a.machine.reads || a.machine.answered {
		a.complain(err)
		return
	}
	a.document(diag.List{{Severity: diag.Error, Summary: err.Error()}})
}

// document writes diagnostics in the place of an answer, on one line, so that it
// is a line of a stream as well.
func (a *app) document(diags diag.List) {
	a.machine.answered = true
	enc := json.NewEncoder(a.Stdout)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(diag.NewDocument(diags.Sorted())) // nowhere else to complain
}
