package spelling_test

import (
	"testing"

	"github.com/stagegate/stagegate/core/config/spelling"
)

func TestHint(t *testing.T) {
	t.Parallel()
	known := []string{"needs", "uses", "when", "timeout"}
	for _, c := range []struct {
		written string
		known   []string
		want    string
	}{
		{"neds", known, `Did you mean "needs"?`},
		{"timout", known, `Did you mean "timeout"?`},
		{"completely_else", known, "The things are needs, timeout, uses, when."},
		{"x", nil, "There are no things."},
		{"ab", []string{"aa", "ac"}, `Did you mean "aa"?`},
		{"zzzzzzzz", []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"}, "The things are a, b, c, d, e, f, g, h, i, j, k, l, …."},
	} {
		if got := spelling.Hint(c.written, c.known, "things"); got != c.want {
			t.Errorf("Hint(%q) = %q, want %q", c.written, got, c.want)
		}
	}
}
