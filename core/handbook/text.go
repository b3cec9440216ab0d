package handbook

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The widths within which text is wrapped.
const (
	minWidth = 40
	maxWidth = 100
)

// Text is the page for a terminal of a width; 0 means 80 columns.
func (c Component) Text(width int) string {
	if width == 0 {
		width = 80
	}
	p := page{width: min(max(width, minWidth), maxWidth)}
	fmt.Fprintf(&p.out, "%s (%s)\n\n", c.Name, c.Kind)
	p.paragraphs("  ", c.Description)
	p.out.WriteString("\n")
	p.paragraphs("  ", c.interruption())
	p.arguments("Arguments", "  ", c.Arguments)
	if len(c.Blocks) > 0 {
		p.out.WriteString("\nBlocks\n")
		p.blocks("  ", c.Blocks)
	}
	p.arguments("Outputs", "  ", c.Outputs)
	p.out.WriteString("\nExample\n")
	for line := range strings.Lines(c.Example) {
		p.out.WriteString(strings.TrimRight("  "+line, " \n") + "\n")
	}
	return p.out.String()
}

// page is text that is written within a width.
type page struct {
	out   strings.Builder
	width int
}

func (p *page) arguments(title, indent string, list []Argument) {
	if len(list) == 0 {
		return
	}
	if title != "" {
		fmt.Fprintf(&p.out, "\n%s\n", title)
	}
	for _, a := range list {
		notes := []string{a.Type}
		if a.Required {
			notes = append(notes, "required")
		}
		if a.Sensitive {
			notes = append(notes, "sensitive")
		}
		if a.Deprecated != "" {
			notes = append(notes, "deprecated")
		}
		p.wrapped(indent+a.Name+"  ", indent+"      ", strings.Join(notes, ", "))
		if a.Deprecated != "" {
			p.paragraphs(indent+"    ", "Deprecated: "+a.Deprecated)
		}
		p.paragraphs(indent+"    ", a.Description)
	}
}

func (p *page) blocks(indent string, list []Block) {
	for _, b := range list {
		p.wrapped(indent+b.header()+" { … }  ", indent+"      ", b.often())
		p.paragraphs(indent+"    ", b.Description)
		p.arguments("", indent+"    ", b.Arguments)
		p.blocks(indent+"    ", b.Blocks)
	}
}

// paragraphs wraps text between words. Lists keep their lines.
func (p *page) paragraphs(indent, text string) {
	var lines []string
	flush := func() {
		if len(lines) > 0 {
			p.wrapped(indent, indent, strings.Join(lines, " "))
		}
		lines = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		item := strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "* ")
		if line == "" || item {
			flush()
		}
		switch {
		case item:
			p.wrapped(indent, indent+"  ", line)
		case line != "":
			lines = append(lines, line)
		}
	}
	flush()
}

// wrapped writes words with one indentation for the first line and another for
// the rest. Every character counts as one column.
func (p *page) wrapped(first, rest, text string) {
	line, used, empty := first, utf8.RuneCountInString(first), true
	for _, word := range strings.Fields(text) {
		length := utf8.RuneCountInString(word)
		if !empty && used+1+length > p.width {
			p.out.WriteString(line + "\n")
			line, used, empty = rest, utf8.RuneCountInString(rest), true
		}
		if !empty {
			line, used = line+" ", used+1
		}
		line, used, empty = line+word, used+length, false
	}
	if !empty {
		p.out.WriteString(line + "\n")
	}
}
