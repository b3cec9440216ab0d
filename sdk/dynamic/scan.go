package dynamic

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// maxValueDepth bounds the nesting of one encoded value.
const maxValueDepth = 256

var errShort = errors.New("it ends too early")

// scanner goes over msgpack without keeping any of it. The decoder believes the
// length that a collection claims and makes room for it, so that six bytes take
// all memory there is, and it panics over what is not a number. Both come from
// the other side of the wire.
type scanner struct{ rest []byte }

// scan refuses what must not reach the decoder.
func scan(data []byte) error {
	s := scanner{data}
	if err := s.value(0); err != nil {
		return err
	}
	if len(s.rest) > 0 {
		return fmt.Errorf("%d bytes follow it", len(s.rest))
	}
	return nil
}

// take is the next n bytes.
func (s *scanner) take(n uint64) ([]byte, error) {
	if n > uint64(len(s.rest)) {
		return nil, errShort
	}
	out := s.rest[:n]
	s.rest = s.rest[n:]
	return out, nil
}

// number is a big-endian number of 1, 2, 4 or 8 bytes.
func (s *scanner) number(width uint64) (uint64, error) {
	b, err := s.take(width)
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[8-width:], b)
	return binary.BigEndian.Uint64(wide[:]), nil
}

// value goes over one value. The codes are those of the msgpack specification.
func (s *scanner) value(depth int) error {
	if depth > maxValueDepth {
		return fmt.Errorf("it is nested more than %d deep", maxValueDepth)
	}
	b, err := s.take(1)
	if err != nil {
		return err
	}
	switch code := b[0]; {
	case code <= 0x7f, code >= 0xe0, code == 0xc0, code == 0xc2, code == 0xc3:
		return nil
	case code <= 0x8f:
		return s.values(2*uint64(code&0x0f), depth)
	case code <= 0x9f:
		return s.values(uint64(code&0x0f), depth)
	case code <= 0xbf:
		_, err = s.take(uint64(code & 0x1f))
		return err
	case code == 0xca, code == 0xcb:
		return s.float(4 << (code - 0xca))
	case code >= 0xcc && code <= 0xd3:
		_, err = s.take(1 << ((code - 0xcc) % 4))
		return err
	case code >= 0xd4 && code <= 0xd8:
		return s.extension(1<<(code-0xd4), depth)
	}
	return s.sized(b[0], depth)
}

// sized goes over a value whose length follows its code.
func (s *scanner) sized(code byte, depth int) error {
	first := map[byte]byte{
		0xc4: 0xc4, 0xc5: 0xc4, 0xc6: 0xc4, 0xc7: 0xc7, 0xc8: 0xc7, 0xc9: 0xc7,
		0xd9: 0xd9, 0xda: 0xd9, 0xdb: 0xd9, 0xdc: 0xdb, 0xdd: 0xdb, 0xde: 0xdd, 0xdf: 0xdd,
	}[code]
	if first == 0 {
		return fmt.Errorf("the code %#x means nothing", code)
	}
	n, err := s.number(1 << (code - first))
	if err != nil {
		return err
	}
	switch {
	case code >= 0xde:
		return s.values(2*n, depth)
	case code >= 0xdc:
		return s.values(n, depth)
	case first == 0xc7:
		return s.extension(n, depth)
	}
	_, err = s.take(n)
	return err
}

// values goes over the elements of a collection, each of which takes a byte at
// least.
func (s *scanner) values(n uint64, depth int) error {
	if n > uint64(len(s.rest)) {
		return errShort
	}
	for range n {
		if err := s.value(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// extension goes over an unknown value, and what is known of it nevertheless.
func (s *scanner) extension(n uint64, depth int) error {
	body, err := s.take(n + 1)
	if err != nil || n == 0 {
		return err
	}
	inner := scanner{body[1:]}
	return inner.value(depth + 1)
}

func (s *scanner) float(width uint64) error {
	bits, err := s.number(width)
	if err != nil {
		return err
	}
	v := math.Float64frombits(bits)
	if width == 4 {
		v = float64(math.Float32frombits(uint32(bits))) //nolint:gosec // four bytes were read
	}
	if math.IsNaN(v) {
		return errors.New("it holds what is not a number")
	}
	return nil
}
