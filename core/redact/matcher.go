package redact

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// matcher finds any of many patterns, by the method of Wu and Manber: the three
// bytes at the end of a window as wide as the shortest pattern tell how far the
// window can move without missing one. Most of a text is never looked at.
type matcher struct {
	patterns []string // sorted
	window   int      // length of the shortest
	longest  int
	shift    []uint8  // by hash of three bytes
	heads    []uint32 // by hash of the first bytes of a window: where its patterns begin in chains, plus 1
	chains   []chain
	starts   [1 << 13]uint64 // which pairs of bytes a pattern begins with, a bit each
}

// chain is one pattern among those of one hash.
type chain struct {
	pattern string
	next    uint32 // like an entry of heads
}

const hashBits = 17

func newMatcher(patterns []string) *matcher {
	m := &matcher{patterns: patterns}
	if len(patterns) == 0 {
		return m
	}
	slices.Sort(m.patterns)
	m.window = len(slices.MinFunc(patterns, byLength))
	m.longest = len(slices.MaxFunc(patterns, byLength))
	m.shift = bytes.Repeat([]byte{uint8(min(m.window-2, 255))}, 1<<hashBits) //nolint:gosec // bounded by min
	m.heads = make([]uint32, 1<<hashBits)
	// The longest of one hash comes first, so that it is found first.
	byLengthDown := slices.Clone(patterns)
	slices.SortFunc(byLengthDown, byLength)
	for _, p := range byLengthDown {
		m.enter(p)
	}
	return m
}

func byLength(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// enter adds a pattern to the tables, before those entered so far.
func (m *matcher) enter(p string) {
	for end := 3; end <= m.window; end++ {
		h := hash3(p[end-3], p[end-2], p[end-1])
		m.shift[h] = min(m.shift[h], uint8(min(m.window-end, 255))) //nolint:gosec // bounded by min
	}
	h := hash6(p)
	m.chains = append(m.chains, chain{p, m.heads[h]})
	m.heads[h] = uint32(len(m.chains)) //nolint:gosec // there are fewer than 2^32 patterns
	pair := int(p[0])<<8 | int(p[1])
	m.starts[pair>>6] |= 1 << (pair & 63)
}

func (m *matcher) empty() bool { return len(m.patterns) == 0 }

func hash3(a, b, c byte) uint32 {
	return (uint32(a) | uint32(b)<<8 | uint32(c)<<16) * 0x9E3779B1 >> (32 - hashBits)
}

// hash6 is over the first six bytes: no pattern is shorter.
func hash6[T string | []byte](p T) uint32 {
	v := uint64(p[0]) | uint64(p[1])<<8 | uint64(p[2])<<16 | uint64(p[3])<<24 | uint64(p[4])<<32 | uint64(p[5])<<40
	return uint32(v * 0x9E3779B97F4A7C15 >> (64 - hashBits))
}

// find calls found with the start and end of the longest pattern at each place
// where there is one, from left to right. Matches may overlap.
func (m *matcher) find(text []byte, found func(start, end int)) {
	w, shift := m.window, m.shift
	for end := w; end <= len(text); {
		if s := shift[hash3(text[end-3], text[end-2], text[end-1])]; s > 0 {
			end += int(s)
			continue
		}
		at := text[end-w:]
		for next := m.heads[hash6(at)]; next != 0; {
			c := &m.chains[next-1]
			if len(c.pattern) <= len(at) && string(at[:len(c.pattern)]) == c.pattern {
				found(end-w, end-w+len(c.pattern))
				break
			}
			next = c.next
		}
		end++
	}
}

// undecided is the start of the longest end of text that a pattern may go on
// from, or the length of the text when there is none.
func (m *matcher) undecided(text []byte) int {
	for at := max(0, len(text)-m.longest+1); at < len(text); at++ {
		rest := text[at:]
		if len(rest) > 1 {
			pair := int(rest[0])<<8 | int(rest[1])
			if m.starts[pair>>6]&(1<<(pair&63)) == 0 {
				continue
			}
		}
		i, _ := slices.BinarySearchFunc(m.patterns, rest, func(p string, b []byte) int { return strings.Compare(p, string(b)) })
		// A pattern that is all of rest is a match, not an open question, but the
		// next may be longer.
		for ; i < len(m.patterns) && strings.HasPrefix(m.patterns[i], string(rest)); i++ {
			if len(m.patterns[i]) > len(rest) {
				return at
			}
		}
	}
	return len(text)
}
