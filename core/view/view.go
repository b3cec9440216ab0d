package view

import (
	"fmt"
	"io"

	"github.com/stagegate/stagegate/core/event"
)

// Format says how a run is shown.
type Format string

// The formats.
const (
	Auto  Format = "auto"  // live on a terminal, plain otherwise
	Live  Format = "live"  // one line for each running stage, redrawn
	Plain Format = "plain" // a line when something happens
	JSON  Format = "json"  // one event a line
)

// Options say where and how to show.
type Options struct {
	Format  Format
	Out     io.Writer
	IsTerm  bool // Out is a terminal
	Color   bool
	Verbose bool // show the output of every stage, not only of failed ones
	Version string
	// Tail reads the end of an attempt's log; it is asked when a stage fails.
	Tail func(stage string, attempt int) []byte
}

// View shows events until it is closed.
type View interface {
	Show(e event.Event)
	// Close takes back what was only progress.
	Close()
}

// New makes the view of a format.
func New(o Options) (View, error) {
	format := o.Format
	if format == "" || format == Auto {
		format = Plain
		if o.IsTerm {
			format = Live
		}
	}
	switch format {
	case JSON:
		return newJSONLines(o), nil
	case Plain:
		return newPlain(o), nil
	case Live:
		return newLive(o), nil
	default:
		return nil, fmt.Errorf("unknown format %q: use auto, live, plain or json", o.Format)
	}
}
