package sample

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Key identifies an item among all evaluations.
type Key [16]byte

// KeyOf is the key of what the words name together, such as task, filter and
// document. Each word counts with its length: ("ab", "c") is not ("a", "bc").
func KeyOf(words ...string) Key {
	h := sha256.New()
	var size [8]byte
	for _, w := range words {
		binary.LittleEndian.PutUint64(size[:], uint64(len(w)))
		h.Write(size[:])
		h.Write([]byte(w))
	}
	return Key(h.Sum(nil)[:16])
}

// String is the key in hexadecimal digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

func parseKey(text string) (Key, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(Key{}) {
		return Key{}, fmt.Errorf("%.40q is not the key of an item", text)
	}
	return Key(raw), nil
}
