package kubernetes

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// Wherever and however often a connection is lost, the output is whole.
func TestAnyCut(t *testing.T) {
	t.Parallel()
	var sent, want strings.Builder
	for i, word := range []string{"a", "", "b b", strings.Repeat("long ", 40_000), "2026-01-01T00:00:00Z", "same", "same", "", "end"} {
		fmt.Fprintf(&sent, "2026-01-01T00:00:00.%09dZ %s\n", i/3, word)
		want.WriteString(word + "\n")
	}
	all := strings.TrimSuffix(sent.String(), "\n") // the last line has no end
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		var got strings.Builder
		o := &output{to: &got, words: io.Discard, half: whole}
		for range random.IntN(6) {
			at := random.IntN(len(all))
			if random.IntN(2) == 0 {
				at = random.IntN(200)
			}
			if err := o.copy(strings.NewReader(all[:at])); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.copy(strings.NewReader(all)); err != nil {
			t.Fatal(err)
		}
		if got.String() != strings.TrimSuffix(want.String(), "\n") {
			t.Fatalf("seed %d: %d bytes, want %d: %.200q", seed, got.Len(), want.Len(), got.String())
		}
	}
}
