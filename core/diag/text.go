package diag

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tab is what a tab in source is shown as.
const tab = "    "

// printable replaces what could drive a terminal or reorder its text. Line
// breaks stay.
func printable(s string) string {
	clean := strings.ToValidUTF8(s, "�")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return '�'
		default:
			return r
		}
	}, strings.ReplaceAll(strings.ReplaceAll(clean, "\r\n", "\n"), "\t", tab))
}

// columns is how wide text is shown, taking every character as one column.
func columns(s string) int { return utf8.RuneCountInString(printable(s)) }

func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return s[:maxText] + " …"
}

// wrap breaks paragraphs between words. Lines that start with blanks are shown
// as they are: they are examples.
func wrap(s string, width int) []string {
	var out []string
	for _, paragraph := range strings.Split(strings.TrimRight(s, "\n"), "\n") {
		if strings.HasPrefix(paragraph, " ") {
			out = append(out, paragraph)
			continue
		}
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
				out, line = append(out, line), ""
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		out = append(out, line)
	}
	return out
}
