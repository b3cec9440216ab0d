package module

import (
	"bufio"
	"fmt"
	"io"
)

// readBlobs reads what `git cat-file --batch` says about files: a line with the
// id, the type and the size of each, its content, and a line end.
func readBlobs(from io.Reader, files []file, each func(file, io.Reader) error) error {
	in := bufio.NewReader(from)
	for _, f := range files {
		var id, kind string
		var size int64
		if _, err := fmt.Fscanf(in, "%64s %16s %d\n", &id, &kind, &size); err != nil {
			return fmt.Errorf("read %q: git does not give it", f.path)
		}
		if id != f.id || kind != "blob" || size != f.size {
			return fmt.Errorf("read %q: git gives another object", f.path)
		}
		content := io.LimitReader(in, size)
		if err := each(f, content); err != nil {
			return fmt.Errorf("read %q: %w", f.path, err)
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return fmt.Errorf("read %q: %w", f.path, err)
		}
		if end, err := in.ReadByte(); err != nil || end != '\n' {
			return fmt.Errorf("read %q: git's answer is cut", f.path)
		}
	}
	return nil
}
