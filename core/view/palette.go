package view

import (
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// palette writes in colour, or not.
type palette struct{ on bool }

func (p palette) paint(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p palette) bold(s string) string  { return p.paint("1", s) }
func (p palette) faint(s string) string { return p.paint("2", s) }

// status is a status in its colour.
func (p palette) status(s event.Status) string { return p.statusText(s, string(s)) }

func (p palette) statusText(s event.Status, text string) string {
	switch s {
	case event.Succeeded:
		return p.paint("32", text)
	case event.Failed, event.Errored, event.Denied:
		return p.paint("31", text)
	case event.Cancelled, event.Skipped, event.Waiting, event.Unknown, runstate.Interrupted:
		return p.paint("33", text)
	default:
		return text
	}
}

// mark is the sign in front of a stage.
func mark(s event.Status) string {
	switch s {
	case event.Succeeded:
		return "✓"
	case event.Failed, event.Errored, event.Denied:
		return "✗"
	case event.Skipped:
		return "-"
	case event.Cancelled, event.Unknown, runstate.Interrupted:
		return "!"
	default:
		return "•"
	}
}
