package app

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/stagegate/stagegate/core/view"
)

// maxPiece bounds what is held of a line without end.
const maxPiece = 64 << 10

// copyPrintable copies text to a terminal, line by line, without what could
// steer it.
func copyPrintable(to io.Writer, from io.Reader) error {
	lines := bufio.NewReaderSize(from, maxPiece)
	for {
		piece, err := lines.ReadSlice('\n')
		text := strings.ReplaceAll(string(piece), "\r\n", "\n")
		if _, err := io.WriteString(to, view.Printable(text)); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}
