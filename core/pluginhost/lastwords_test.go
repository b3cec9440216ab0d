package pluginhost

import (
	"bytes"
	"strings"
	"testing"
)

func TestLastWords(t *testing.T) {
	t.Parallel()
	w := new(lastWords)
	_, _ = w.Write([]byte("all of it\n"))
	if got := w.String(); got != "all of it" {
		t.Errorf("got %q", got)
	}
	line := strings.Repeat("x", 99) + "\n"
	for range 10_000 {
		_, _ = w.Write([]byte(line))
	}
	_, _ = w.Write([]byte("the end \xff\n"))
	got := w.String()
	if !strings.HasPrefix(got, "…\nxxx") || !strings.HasSuffix(got, "xxx\nthe end \uFFFD") {
		t.Errorf("got %q … %q", got[:20], got[len(got)-20:])
	}
	if len(got) > maxLastWords+10 || cap(w.text) > 4*maxLastWords {
		t.Errorf("keeps %d bytes in %d", len(got), cap(w.text))
	}
	_, _ = w.Write(bytes.Repeat([]byte("y"), 10*maxLastWords))
	if got := w.String(); strings.Trim(got, "…\ny") != "" || len(got) > maxLastWords+10 {
		t.Errorf("after one big write got %d bytes", len(got))
	}
}

func TestLastWordsAreRedacted(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Redact = func(s string) string { return strings.ReplaceAll(s, "cannot go on", "(redacted)") }
	h := newHost(t, o)
	_, _, err := h.Describe(t.Context(), "dead")
	if f := faulty(t, err, ClassCrashed, ""); strings.Contains(f.LastWords, "cannot") || !strings.Contains(f.LastWords, "(redacted)") {
		t.Errorf("last words %q", f.LastWords)
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":                           "plain",
		"\x1b[31mred\u202e":               "\uFFFD[31mred\uFFFD",
		"bad \xff utf8":                   "bad \uFFFD utf8",
		"two\nlines":                      "two\nlines",
		strings.Repeat("ä", maxComplaint): strings.Repeat("ä", maxComplaint/2) + "…",
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%.20q) = %.40q", in, got)
		}
	}
}
