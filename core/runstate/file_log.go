package runstate

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// logFile is the log of one attempt. It is made with its first byte: most
// trivial stages say nothing, and a file and an fsync cost more than they do.
type logFile struct {
	path string
	file *os.File
}

// Write appends.
func (l *logFile) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if l.file == nil {
		f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, fileMode)
		if err != nil {
			return 0, fmt.Errorf("open log: %w", err)
		}
		l.file = f
	}
	n, err := l.file.Write(p)
	if err != nil {
		return n, fmt.Errorf("write log: %w", err)
	}
	return n, nil
}

// Close makes the log durable.
func (l *logFile) Close() error {
	if l.file == nil {
		return nil
	}
	if err := errors.Join(l.file.Sync(), l.file.Close()); err != nil {
		return fmt.Errorf("close log: %w", err)
	}
	return nil
}

// logName is the file of an attempt's log. Stage names become file names, so
// whatever is not plain is escaped: different stages have different files, and
// none is outside its folder.
func logName(stage string, attempt int) string {
	var b strings.Builder
	for i := range len(stage) {
		switch c := stage[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return fmt.Sprintf("%s.%d.log", b.String(), attempt)
}
