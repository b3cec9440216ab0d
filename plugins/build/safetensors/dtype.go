package safetensors

import (
	"errors"
	"fmt"
	"math/bits"
)

// bitsOf is the width of one element.
func bitsOf(dtype string) (uint64, bool) {
	switch dtype {
	case "F4":
		return 4, true
	case "F6_E2M3", "F6_E3M2":
		return 6, true
	case "BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ":
		return 8, true
	case "I16", "U16", "F16", "BF16":
		return 16, true
	case "I32", "U32", "F32":
		return 32, true
	case "F64", "I64", "U64", "C64":
		return 64, true
	}
	return 0, false
}

var errOverflow = errors.New("its size does not fit in 64 bits")

// elements is the product of a shape; 1 for a scalar.
func elements(shape []uint64) (uint64, error) {
	total := uint64(1)
	for _, dim := range shape {
		high, low := bits.Mul64(total, dim)
		if high != 0 {
			return 0, errOverflow
		}
		total = low
	}
	return total, nil
}

// byteSize is how much room a tensor takes.
func byteSize(dtype string, count uint64) (uint64, error) {
	width, ok := bitsOf(dtype)
	if !ok {
		return 0, fmt.Errorf("its dtype %.40q is not known", dtype)
	}
	high, total := bits.Mul64(count, width)
	if high != 0 {
		return 0, errOverflow
	}
	if total%8 != 0 {
		return 0, fmt.Errorf("%d elements of %d bits do not fill whole bytes", count, width)
	}
	return total / 8, nil
}
