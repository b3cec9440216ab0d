package sdk

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what a plugin sends. The host has its own, at least as large.
const (
	maxChunk         = 32 << 10 // one log message
	maxHandle        = 64 << 10
	maxLine          = 4 << 10  // a summary or message
	maxText          = 64 << 10 // a detail or diff
	maxNotes         = 50
	maxMessage       = 4 << 20 // one gRPC message
	progressInterval = 100 * time.Millisecond
	defaultHeartbeat = 15 * time.Second
)

// text is s as valid UTF-8 of at most limit bytes: protobuf refuses anything
// else, and a message that is cut is better than none.
func text(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
