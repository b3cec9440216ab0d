package inputs

import (
	"path"
	"strings"
)

func isPattern(name string) bool { return strings.ContainsAny(name, `*?[\`) }

// match compares segment by segment. Only the last ** is ever tried again, so
// that the work is at most the product of both lengths.
func match(pattern, name []string) bool {
	p, n, star, resume := 0, 0, -1, 0
	for n < len(name) {
		if p < len(pattern) {
			if pattern[p] == "**" {
				star, resume = p, n
				p++
				continue
			}
			if ok, err := path.Match(pattern[p], name[n]); err == nil && ok {
				p, n = p+1, n+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		resume++
		p, n = star+1, resume
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}
