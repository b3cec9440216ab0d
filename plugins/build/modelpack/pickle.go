package modelpack

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/stagegate/stagegate/plugins/build/content"
)

// Bounds of looking into an archive.
const (
	prefixSize     = 512
	maxZipEntries  = 10_000
	maxZipMetadata = 32 << 20 // bytes read of an archive in all
)

// textPickle matches protocols 0 and 1: a class to load, or a container.
var textPickle = regexp.MustCompile(`^(?:[(\]}]*[ci][A-Za-z_][A-Za-z0-9_.]*\n[A-Za-z_][A-Za-z0-9_.]*\n(?:[()\]}]|p[0-9]+\n|q[\x00-\x1f])|\(?[dl]p[0-9]+\n)`)

var errPickle = errors.New("it is a Python pickle, which runs code when it is loaded")

// isPickle goes by the first bytes. Protocol 2 and later begin with 0x80 and
// the version; no opcode is 0, which sets them apart from little-endian lengths
// such as a safetensors file begins with.
func isPickle(prefix []byte) bool {
	if len(prefix) > 2 && prefix[0] == 0x80 && prefix[1] >= 2 && prefix[1] <= 5 && prefix[2] != 0 {
		return true
	}
	return textPickle.Match(prefix)
}

// refusePickle looks for pickles by content, whatever the name: bare ones, and
// those in a zip archive, which is what PyTorch writes.
func refusePickle(c *content.Content, prefix []byte) error {
	if isPickle(prefix) {
		return errPickle
	}
	if !bytes.HasPrefix(prefix, []byte("PK\x03\x04")) && !bytes.HasPrefix(prefix, []byte("PK\x05\x06")) {
		return nil
	}
	archive, err := zip.NewReader(&budget{r: c, left: maxZipMetadata}, c.Size)
	if err != nil {
		return fmt.Errorf("it looks like a zip archive and cannot be read as one: %w", err)
	}
	if len(archive.File) > maxZipEntries {
		return fmt.Errorf("it is a zip archive with more than %d entries", maxZipEntries)
	}
	for _, entry := range archive.File {
		if err := refuseEntry(entry); err != nil {
			return fmt.Errorf("in %.100q: %w", entry.Name, err)
		}
	}
	return nil
}

func refuseEntry(entry *zip.File) error {
	name := strings.ToLower(entry.Name)
	if strings.HasSuffix(name, ".pkl") || strings.HasSuffix(name, ".pickle") {
		return errPickle
	}
	r, err := entry.Open()
	if err != nil {
		return fmt.Errorf("open archive entry: %w", err)
	}
	prefix, err := head(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("read archive entry: %w", err)
	}
	// NumPy pickles the elements of arrays of objects.
	if bytes.HasPrefix(prefix, []byte("\x93NUMPY")) && bytes.Contains(prefix, []byte("'|O'")) {
		return errPickle
	}
	if isPickle(prefix) {
		return errPickle
	}
	return nil
}

// head is the beginning of r, shorter when r is.
func head(r io.Reader) ([]byte, error) {
	prefix := make([]byte, prefixSize)
	n, err := io.ReadFull(r, prefix)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return prefix[:n], err
}

// budget ends the reading of an archive that wants too much of it.
type budget struct {
	r    io.ReaderAt
	left int64
}

// ReadAt implements io.ReaderAt.
func (b *budget) ReadAt(p []byte, off int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errors.New("its directory is too large to be looked through")
	}
	return b.r.ReadAt(p, off)
}
