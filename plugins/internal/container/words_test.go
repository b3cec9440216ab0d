package container

import (
	"strings"
	"testing"
)

// A line is kept whole or not at all: the runner could not know half a secret.
func TestLastWords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", keptBytes)
	for name, tc := range map[string]struct {
		writes []string
		want   string
	}{
		"short":         {[]string{"one\ntw", "o\n"}, "one\ntwo"},
		"no newline":    {[]string{"one"}, "one"},
		"last ten":      {[]string{"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"}, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10"},
		"begun earlier": {[]string{"secret-" + long, "tail\nend\n"}, "end"},
		"long write":    {[]string{"a\nsecret" + long + "\nend\n"}, "end"},
		"cut at a line": {[]string{"a\n", long[:keptBytes-4] + "\nb\n"}, long[:keptBytes-4] + "\nb"},
		"one long line": {[]string{long + long}, ""},
		"not text":      {[]string{"a\x00\x1b[1mb\xff\n"}, "a[1mb\uFFFD"},
		"nothing":       {nil, ""},
	} {
		var w lastWords
		for _, one := range tc.writes {
			if n, err := w.Write([]byte(one)); n != len(one) || err != nil {
				t.Errorf("%s: %d, %v", name, n, err)
			}
		}
		if got := w.String(); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
