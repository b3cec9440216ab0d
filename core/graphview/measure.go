package graphview

import (
	"strings"
	"unicode"
)

// widthOf is about how wide text is in a font of the size, and rather too much:
// nobody knows which font will be there. The widths are those of DejaVu Sans,
// one of the widest.
func widthOf(text string, size float64, bold bool) float64 {
	total := 0.0
	for _, r := range text {
		total += em(r)
	}
	if bold {
		total *= 1.09
	}
	return total * size
}

func em(r rune) float64 {
	switch {
	case strings.ContainsRune("ijlI'|", r):
		return 0.30
	case strings.ContainsRune(" .,:;!ft()[]{}/\\-r\"`", r):
		return 0.42
	case strings.ContainsRune("mMwW@%—…", r):
		return 1.0
	case unicode.IsUpper(r):
		return 0.76
	case r < 0x250:
		return 0.65
	case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana), r > 0xFFFF:
		return 1.1
	default:
		return 0.85
	}
}

// fit shortens text in its middle until it is no wider than a width.
func fit(text string, size float64, bold bool, width float64) string {
	if widthOf(text, size, bold) <= width {
		return text
	}
	runes := []rune(text)
	for keep := min(len(runes)-1, 200); keep > 1; keep-- {
		head := (keep + 1) / 2
		short := string(runes[:head]) + "…" + string(runes[len(runes)-(keep-head):])
		if widthOf(short, size, bold) <= width {
			return short
		}
	}
	return "…"
}
