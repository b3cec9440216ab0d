package runstate

import (
	"errors"
	"time"

	"github.com/stagegate/stagegate/core/event"
)

// ErrNotRunning says that nobody writes the run, so that nobody can stop it.
var ErrNotRunning = errors.New("no runner works on the run")

// StopRequest asks the runner that works on a run to stop it.
type StopRequest struct {
	Mode   event.StopMode `json:"mode"`
	By     string         `json:"by,omitempty"`     // who asks
	Reason string         `json:"reason,omitempty"` // in their words
	At     time.Time      `json:"at"`
}
