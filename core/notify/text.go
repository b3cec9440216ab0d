package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// plain is text without what steers: control characters but tabs and newlines,
// and marks that change the direction of writing or cannot be seen.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// line is plain text on one line.
func line(text string) string {
	return strings.Join(strings.Fields(plain(text)), " ")
}

// oneLine is at most so many characters of a text, on one line. A flood is cut
// before it is looked at.
func oneLine(text string, most int) string { return clip(line(text[:min(len(text), 8*most)]), most) }

// clip is at most so many characters of a text.
func clip(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// words is how a run stands, as a verb.
func words(s event.Status) string {
	switch s {
	case event.Succeeded, event.Failed:
		return string(s)
	case event.Errored:
		return "could not be run"
	case event.Denied:
		return "was denied"
	case event.Cancelled:
		return "was cancelled"
	case event.Waiting:
		return "waits for approval"
	case runstate.Interrupted:
		return "was interrupted: its runner died"
	default:
		return "is on its way"
	}
}

// reason is why a run stands where it does, in a line.
func reason(s *runstate.RunState) string {
	switch {
	case s.Failure != nil:
		return s.Failure.Summary
	case s.Status == event.Cancelled:
		return s.Cancelled
	default:
		return ""
	}
}
