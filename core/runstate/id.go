package runstate

import (
	"crypto/rand"
	"regexp"
	"time"
)

// idLetters leaves out what people confuse: 0 and o, 1 and i and l, u and v.
const idLetters = "23456789abcdefghjkmnpqrstvwxyz"

var idPattern = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}-[0-9a-z]{4}$`)

// NewID is an id for a run that starts now. Ids sort by time, to about a
// millisecond: the first half of the tail is the fraction of the second, the
// second half is random.
func NewID(now time.Time) string {
	const base = len(idLetters)
	slot := now.Nanosecond() * base * base / int(time.Second)
	var random [2]byte
	// Since Go 1.24 rand.Read never fails.
	_, _ = rand.Read(random[:])
	tail := []byte{
		idLetters[slot/base], idLetters[slot%base],
		idLetters[int(random[0])%base], idLetters[int(random[1])%base],
	}
	return now.UTC().Format("20060102-150405-") + string(tail)
}

// ValidID reports whether a string has the form of an id.
func ValidID(id string) bool { return idPattern.MatchString(id) }
