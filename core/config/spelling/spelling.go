// Package spelling finds the name that somebody probably meant.
package spelling

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

const (
	maxListed  = 12  // names that a message lists
	maxWritten = 200 // bytes of a name that others are compared with
)

// Nearest is the known name closest to what was written, or empty when none is
// close. The same names give the same answer in any order.
func Nearest(written string, known []string) string {
	best, bestDistance := "", len(written)/3+2
	sorted := slices.Sorted(slices.Values(known))
	if len(written) > maxWritten {
		return ""
	}
	for _, name := range sorted {
		if len(name)-len(written) >= 4*bestDistance { // a character has up to four bytes
			continue
		}
		if d := levenshtein.Distance(written, name, nil); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// Hints bounds what hints cost: each compares a name with all known ones.
type Hints struct{ given int }

const (
	maxHints = 100
	maxKnown = 5000
)

// Give is Hint for the first mistakes, and empty from then on.
func (h *Hints) Give(written string, known func() []string, plural string) string {
	if h.given++; h.given > maxHints {
		return ""
	}
	names := known()
	if len(names) > maxKnown {
		return ""
	}
	return Hint(written, names, plural)
}

// Hint is a sentence that helps somebody who wrote a name that is not known:
// the nearest name, or what there is. Plural is what the names are, for example
// "stages".
func Hint(written string, known []string, plural string) string {
	if near := Nearest(written, known); near != "" {
		return `Did you mean "` + near + `"?`
	}
	if len(known) == 0 {
		return "There are no " + plural + "."
	}
	sorted := slices.Sorted(slices.Values(known))
	more := ""
	if len(sorted) > maxListed {
		sorted, more = sorted[:maxListed], ", …"
	}
	return "The " + plural + " are " + strings.Join(sorted, ", ") + more + "."
}
