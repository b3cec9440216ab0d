package process

import (
	"bytes"
	"io"
	"os"
)

// tailBytes bounds how much of a log is read to show its end.
const tailBytes = 16 << 10

// LogTail returns at most the last n lines of a log file, or nothing where
// the file cannot be read: it decorates an error that is reported anyway.
func LogTail(path string, n int) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	start := max(0, info.Size()-tailBytes)
	data, err := io.ReadAll(io.NewSectionReader(file, start, tailBytes))
	if err != nil {
		return nil
	}
	lines := bytes.Split(bytes.TrimRight(data, "\n"), []byte("\n"))
	if start > 0 && len(lines) > 1 {
		lines = lines[1:] // begins in the middle of a line
	}
	var tail []string
	for _, line := range lines[max(0, len(lines)-n):] {
		if len(line) > 0 {
			tail = append(tail, string(line))
		}
	}
	return tail
}
