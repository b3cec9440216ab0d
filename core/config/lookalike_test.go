package config_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// lookalikes are n different words, each with a comma behind it, that have the
// same CRC-32, which is how cty's sets tell words apart.
func lookalikes(n int) string {
	var b strings.Builder
	made := 0
	// CRC-32 is linear: of all words of eight letters p and q, those whose
	// pattern is a sum of words that change nothing look alike.
	basis := kernel(56)
	for mask := 1; made < n; mask++ {
		word := []byte(strings.Repeat("p", 56))
		for i, vector := range basis {
			if mask>>i&1 == 1 {
				for bit := range 56 {
					if vector>>bit&1 == 1 {
						word[bit] ^= 1
					}
				}
			}
		}
		b.Write(word)
		b.WriteByte(',')
		made++
	}
	return b.String()
}

// kernel are independent sets of letters that can be exchanged, p for q, without
// changing the CRC of a word of so many.
func kernel(letters int) []uint64 {
	word := []byte(strings.Repeat("p", letters))
	zero := crc32.ChecksumIEEE(quotedWord(word))
	type row struct {
		crc uint32
		set uint64
	}
	var pivots []row
	var out []uint64
	for bit := range letters {
		word[bit] ^= 1
		r := row{crc32.ChecksumIEEE(quotedWord(word)) ^ zero, 1 << bit}
		word[bit] ^= 1
		for _, p := range pivots {
			if r.crc^p.crc < r.crc {
				r.crc, r.set = r.crc^p.crc, r.set^p.set
			}
		}
		if r.crc == 0 {
			out = append(out, r.set)
			continue
		}
		pivots = append(pivots, r)
	}
	return out
}

// quotedWord is how cty writes a word before it takes the CRC.
func quotedWord(word []byte) []byte {
	_ = binary.BigEndian
	return []byte(fmt.Sprintf("%q", word))
}
