package pluginhost

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/stagegate/stagegate/core/engine"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The classes of engine.PluginError.
const (
	ClassMissing   = "plugin_missing"   // there is no such plugin
	ClassUntrusted = "plugin_untrusted" // its file is not the one to run
	ClassCrashed   = "plugin_crashed"   // its process ended
	ClassHung      = "plugin_hung"      // it does not answer
	ClassProtocol  = "plugin_protocol"  // it breaks the protocol
)

var (
	errClosed = errors.New("the runner is shutting down")
	errHungUp = errors.New("it closed the connection but goes on running")
)

// fault makes an error about this process.
func (p *instance) fault(class string, err error) *engine.PluginError {
	return &engine.PluginError{Plugin: p.name, Class: class, LastWords: p.lastWords(), Err: err}
}

// classify says what a failed call means: the process died, somebody killed it
// for a reason, or it answered with an error.
func (p *instance) classify(err error) error {
	switch status.Code(err) {
	case codes.Unavailable, codes.Canceled, codes.Internal, codes.Unknown:
		p.awaitDeath(mourning)
	}
	if verdict := p.verdict(); verdict != nil {
		return verdict
	}
	s := status.Convert(err)
	switch s.Code() {
	case codes.Unimplemented:
		return p.fault(ClassProtocol, fmt.Errorf("it does not serve what was called: %s", quote(s.Message())))
	case codes.ResourceExhausted:
		return p.fault(ClassProtocol, fmt.Errorf("it sent too much: %s", quote(s.Message())))
	case codes.Unavailable:
		p.retire()
		return p.fault(ClassProtocol, errHungUp)
	}
	return p.fault(ClassProtocol, fmt.Errorf("it answered %s: %s", s.Code(), quote(s.Message())))
}

// quote makes a plugin's words fit for a message: short, and without control
// characters.
func quote(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > maxComplaint {
		s = strings.ToValidUTF8(s[:maxComplaint], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return '\uFFFD'
		}
		return r
	}, s)
}
