package document

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxLine is the longest line that Lines reads.
const MaxLine = 16 << 20

// Lines reads documents that stand one on a line, and calls each with its
// number from 1. One line is held at a time; what is kept of it must be copied.
// Empty lines are passed over. Errors carry the line of the file.
func Lines(r io.Reader, each func(number int, v Value) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var long []byte
	for number := 1; ; number++ {
		text, err := nextLine(in, &long)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		v, err := Parse(text)
		if err == nil {
			err = each(number, v)
		}
		if at, ok := errors.AsType[*Error](err); ok {
			at.Line = number
		}
		if err != nil {
			return err
		}
	}
}

// nextLine is io.EOF when nothing is left. Long lines are put together in a
// buffer that is used again.
func nextLine(in *bufio.Reader, long *[]byte) ([]byte, error) {
	part, err := in.ReadSlice('\n')
	if err == nil || errors.Is(err, io.EOF) && len(part) > 0 {
		return part, nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	*long = append((*long)[:0], part...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(*long) > MaxLine {
			return nil, fmt.Errorf("it is longer than %d MiB", MaxLine>>20)
		}
		part, err = in.ReadSlice('\n')
		*long = append(*long, part...)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return *long, nil
}
