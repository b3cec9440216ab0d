package main

import (
	"fmt"
	"strings"
)

// spdx are the identifiers that the component knows.
func spdx() []string {
	return []string{
		"0BSD", "AGPL-3.0-only", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC-BY-4.0", "CC0-1.0",
		"EPL-2.0", "GPL-2.0-only", "GPL-3.0-only", "ISC", "LGPL-3.0-only", "MIT", "MPL-2.0", "Unlicense", "Zlib",
	}
}

// advice suggests the nearest identifier, when one is near.
func advice(id string) string {
	nearest, least := "", 3
	for _, known := range spdx() {
		if d := distance(strings.ToLower(id), strings.ToLower(known)); d < least {
			nearest, least = known, d
		}
	}
	if nearest == "" {
		return "The known ones are " + strings.Join(spdx(), ", ") + "."
	}
	return fmt.Sprintf("Did you mean %q?", nearest)
}

// distance is the number of letters to change, add, remove, or swap with the
// next (Damerau's distance, restricted).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
