package diag

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Options say how to render.
type Options struct {
	Color bool
	// Width is where details are wrapped; 0 means 80 columns.
	Width int
}

const (
	defaultWidth = 80
	minWidth     = 40
	maxSnippet   = 6    // source lines of one diagnostic
	maxColumns   = 400  // bytes of one source line
	maxText      = 8192 // bytes of a detail
)

// Render writes diagnostics for people: what is wrong, where, the source with
// the place underlined, and why. Sources are the files by the name that the
// ranges use; a diagnostic whose file is missing has no snippet. What files and
// plugins say is written without control characters, so that it cannot drive
// the terminal.
func Render(w io.Writer, list List, sources map[string][]byte, o Options) error {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, minWidth)
	for i, d := range list {
		var b strings.Builder
		if i > 0 {
			b.WriteByte('\n')
		}
		renderOne(&b, d, sources, o)
		if _, err := io.WriteString(w, b.String()); err != nil {
			return err
		}
	}
	return nil
}

func renderOne(b *strings.Builder, d Diagnostic, sources map[string][]byte, o Options) {
	p := palette(o.Color)
	tint, word := p.red, "Error"
	if d.Severity == Warning {
		tint, word = p.yellow, "Warning"
	}
	line := func(text string) {
		b.WriteString(strings.TrimRight(tint+"│"+p.reset+" "+text, " ") + "\n")
	}
	fmt.Fprintf(b, "%s╷%s\n", tint, p.reset)
	line(fmt.Sprintf("%s%s: %s%s%s", tint, word, p.reset+p.bold, printable(d.Summary), p.reset))
	if d.Subject != nil {
		line("")
		line("  " + where(d))
		for _, s := range snippet(sources[d.Subject.Filename], *d.Subject) {
			line("  " + s.text)
			if s.under != "" {
				line("  " + strings.Repeat(" ", s.indent) + tint + s.under + p.reset)
			}
		}
	}
	if d.Detail != "" {
		line("")
		for _, text := range wrap(printable(clip(d.Detail)), o.Width-2) {
			line(text)
		}
	}
	fmt.Fprintf(b, "%s╵%s\n", tint, p.reset)
}

func where(d Diagnostic) string {
	place := fmt.Sprintf("on %s line %d", printable(d.Subject.Filename), d.Subject.Start.Line)
	if d.In != "" {
		place += ", in " + printable(d.In)
	}
	return place + ":"
}

type colors struct{ red, yellow, bold, reset string }

func palette(on bool) colors {
	if !on {
		return colors{}
	}
	return colors{red: "\x1b[31m", yellow: "\x1b[33m", bold: "\x1b[1m", reset: "\x1b[0m"}
}

// sourceLine is one line of a snippet and what to underline in it.
type sourceLine struct {
	text   string
	indent int
	under  string
}

// snippet is the lines of a range, the first of them underlined.
func snippet(source []byte, place hcl.Range) []sourceLine {
	if place.Start.Byte < 0 || place.Start.Byte > len(source) || len(source) == 0 {
		return nil
	}
	start := bytes.LastIndexByte(source[:place.Start.Byte], '\n') + 1
	var out []sourceLine
	for n := place.Start.Line; n <= place.End.Line && len(out) < maxSnippet && start <= len(source); n++ {
		end := start + len(source[start:])
		if i := bytes.IndexByte(source[start:], '\n'); i >= 0 {
			end = start + i
		}
		text := string(source[start:min(end, start+maxColumns)])
		shown := fmt.Sprintf("%4d: %s", n, printable(text))
		if len(out) == 0 {
			from := min(place.Start.Byte-start, len(text))
			to := max(min(place.End.Byte-start, len(text)), from)
			out = append(out, sourceLine{
				text: shown, indent: 6 + columns(text[:from]), under: strings.Repeat("▔", max(columns(text[from:to]), 1)),
			})
		} else {
			out = append(out, sourceLine{text: shown})
		}
		start = end + 1
	}
	if place.End.Line >= place.Start.Line+maxSnippet {
		out = append(out, sourceLine{text: "   …"})
	}
	return out
}
