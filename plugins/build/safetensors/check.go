package safetensors

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"slices"
)

// maxHeader is the format's own limit.
const maxHeader = 100_000_000

// Summary is what a valid file holds.
type Summary struct {
	Tensors    int
	Parameters uint64            // elements of all tensors
	Elements   map[string]uint64 // by dtype
	Names      *NameSet
}

// NameSet is the set of tensor names. It holds their hashes, because a header
// may have more than a million names.
type NameSet struct {
	seed   maphash.Seed
	hashes []uint64 // sorted
}

// Has reports whether the file has a tensor of that name.
func (s *NameSet) Has(name string) bool {
	_, ok := slices.BinarySearch(s.hashes, maphash.String(s.seed, name))
	return ok
}

// tensor is what has to be remembered of a tensor until all are known.
type tensor struct {
	name       uint64 // hash
	begin, end uint64
}

// Check reads the header at the start of r, which stands for a file of size
// bytes, and says which rule it breaks, if any. Reads beyond the header are
// small.
func Check(r io.Reader, size int64) (Summary, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return Summary{}, fmt.Errorf("it has %d bytes, fewer than the 8 of the header's length", size)
	}
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return Summary{}, fmt.Errorf("read header length: %w", err)
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeader {
		return Summary{}, fmt.Errorf("its header would have %d bytes, more than the format's limit of %d", n, maxHeader)
	}
	data := size - int64(len(prefix)) - int64(n)
	if data < 0 {
		return Summary{}, fmt.Errorf("its header would have %d bytes and end after the file of %d", n, size)
	}
	h := newHeader(r, int64(n))
	if err := h.read(); err != nil {
		return Summary{}, err
	}
	if err := contiguous(h.tensors, uint64(data)); err != nil {
		return Summary{}, err
	}
	names, err := unique(h.tensors, h.seed)
	if err != nil {
		return Summary{}, err
	}
	return Summary{Tensors: len(h.tensors), Parameters: h.parameters, Elements: h.elements, Names: names}, nil
}

// contiguous checks that tensors fill the data from its first byte to its
// last, each where the one before ends.
func contiguous(tensors []tensor, data uint64) error {
	slices.SortFunc(tensors, func(a, b tensor) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := uint64(0)
	for _, t := range tensors {
		switch {
		case t.begin > at:
			return fmt.Errorf("no tensor covers the bytes from %d to %d", at, t.begin)
		case t.begin < at:
			return fmt.Errorf("two tensors cover the bytes from %d to %d", t.begin, min(at, t.end))
		}
		at = t.end
	}
	if at != data {
		return fmt.Errorf("its tensors end at byte %d of the data, which has %d", at, data)
	}
	return nil
}

// unique checks that no name occurs twice. Equal hashes of different names are
// possible in theory and refused as well; the seed is new each time, so that
// nobody can aim for it.
func unique(tensors []tensor, seed maphash.Seed) (*NameSet, error) {
	hashes := make([]uint64, len(tensors))
	for i, t := range tensors {
		hashes[i] = t.name
	}
	slices.Sort(hashes)
	for i := 1; i < len(hashes); i++ {
		if hashes[i] == hashes[i-1] {
			return nil, errors.New("two of its tensors have the same name")
		}
	}
	return &NameSet{seed: seed, hashes: hashes}, nil
}

// add is a + b, or the greatest number when that does not fit.
func add(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}
