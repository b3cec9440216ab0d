package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// pieceLength is the length of the pieces in which a long form is looked for.
// When all of it is there all its pieces are, and a part of it is masked too.
// Pieces bound what a stream has to hold back.
const pieceLength = 64

// forms are the strings to look for when a secret must not show.
func forms(secret string) []string {
	var out []string
	add := func(form string) { out = append(out, pieces(form)...) }
	whole := []string{secret}
	if trimmed := strings.TrimSpace(secret); trimmed != secret {
		whole = append(whole, trimmed)
	}
	for _, s := range whole {
		add(s)
		encoded(s, add)
	}
	if lines := strings.Split(secret, "\n"); len(lines) > 1 {
		for _, line := range lines {
			if line = strings.TrimSpace(line); len(line) >= MinLength {
				add(line)
				encoded(line, add)
			}
		}
	}
	return out
}

// encoded gives the usual encodings of a string.
func encoded(s string, add func(string)) {
	for shift := range 3 {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			add(base64Core(s, shift, encoding))
		}
	}
	add(hex.EncodeToString([]byte(s)))
	add(strings.ToUpper(hex.EncodeToString([]byte(s))))
	for _, escaped := range []string{url.QueryEscape(s), url.PathEscape(s)} {
		add(escaped)
		add(lowerEscapes(escaped))
	}
	add(jsonText(s, true))
	add(jsonText(s, false))
}

// base64Core are the characters that the encoding of a secret has wherever it
// stands in a text: at one of three alignments, without the characters at its
// ends that its neighbours have a share in.
func base64Core(s string, shift int, encoding *base64.Encoding) string {
	text := encoding.EncodeToString(append(make([]byte, shift, shift+len(s)), s...))
	from := (shift*8 + 5) / 6        // the first character of the secret's bits alone
	to := ((shift + len(s)) * 8) / 6 // behind the last such character
	return text[from:to]
}

// lowerEscapes writes %2F as %2f, as some encoders do.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}

// jsonText is a string as JSON has it, without the quotes.
func jsonText(s string, escapeHTML bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(escapeHTML)
	if enc.Encode(s) != nil {
		return "" // a string can always be encoded
	}
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), `"`), "\"\n")
}

// pieces cuts a form. What is shorter than a secret may be is not looked for;
// a short rest goes with the piece before it.
func pieces(form string) []string {
	var out []string
	for len(form) >= pieceLength+MinLength {
		out = append(out, form[:pieceLength])
		form = form[pieceLength:]
	}
	if len(form) >= MinLength {
		out = append(out, form)
	}
	// A piece of nothing but space would mask every indentation.
	return slices.DeleteFunc(out, func(p string) bool { return strings.TrimSpace(p) == "" })
}
