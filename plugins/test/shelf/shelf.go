package shelf

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/sdk"
)

// Shelf keeps files with the runner, which has them by digest, and in the
// folder that the configuration names.
type Shelf struct {
	host *sdk.Host
	out  *sdk.Emitter
	root *os.Root // of the work folder; nil where no folder is named
	dir  string
}

// Piece is one file. It is written as often as there are places for it, and
// never held as a whole.
type Piece struct {
	Name, MediaType string
	Write           func(w io.Writer) error
}

// Bytes is a piece whose content is there.
func Bytes(name, mediaType string, data []byte) Piece {
	return Piece{name, mediaType, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}}
}

// Open opens the folder report_dir of a stage, where it is set. Close the shelf.
func Open(req sdk.Request, out *sdk.Emitter) (*Shelf, error) {
	s := &Shelf{host: req.Host, out: out}
	if !req.Config.Set("report_dir") {
		return s, nil
	}
	var err error
	if s.dir, err = produced.Local(req.Attempt.WorkDir, req.Config.String("report_dir")); err != nil {
		return nil, unwritable(req.Config.String("report_dir"), err)
	}
	if s.root, err = os.OpenRoot(req.Attempt.WorkDir); err != nil {
		return nil, unwritable(s.dir, err)
	}
	if err := s.root.MkdirAll(s.dir, 0o750); err != nil {
		return nil, errors.Join(unwritable(s.dir, err), s.root.Close())
	}
	return s, nil
}

// Close closes the folder, and joins what goes wrong to an error.
func (s *Shelf) Close(err *error) {
	if s.root != nil {
		*err = errors.Join(*err, s.root.Close())
	}
}

// Put keeps a piece. Its location is empty where the runner has no store, which
// is no reason to lose a verdict.
func (s *Shelf) Put(ctx context.Context, p Piece) (sdk.Artifact, error) {
	a, err := s.store(ctx, p)
	if err == nil && s.root != nil {
		name := path.Join(s.dir, p.Name)
		if err := s.file(name, p); err != nil {
			return a, unwritable(name, err)
		}
		s.out.File(sdk.ResultFile{Path: name})
	}
	return a, err
}

func (s *Shelf) store(ctx context.Context, p Piece) (sdk.Artifact, error) {
	if s.host == nil {
		sum := sha256.New()
		n := &counter{w: sum}
		err := p.Write(n)
		return sdk.Artifact{Name: p.Name, MediaType: p.MediaType, Size: n.n, Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil))}, err
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.CloseWithError(p.Write(w)) // the reader sees it
	}()
	a, err := s.host.WriteBlob(ctx, r)
	_ = r.Close() // ends the writer, whatever happened
	<-done
	if err != nil {
		return a, fmt.Errorf("keep %s: %w", p.Name, err)
	}
	a.Name, a.MediaType = p.Name, p.MediaType
	s.out.Artifact(a)
	return a, nil
}

// file is there as a whole, or not at all.
func (s *Shelf) file(name string, p Piece) (err error) {
	half := name + ".part"
	f, err := s.root.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = s.root.Remove(half) // nothing half done stays behind
		}
	}()
	w := bufio.NewWriter(f)
	if err := errors.Join(p.Write(w), w.Flush(), f.Close()); err != nil {
		return err
	}
	return s.root.Rename(half, name)
}

func unwritable(name string, err error) error {
	return &sdk.Failure{
		Summary: fmt.Sprintf("The report cannot be written to %q", name), Class: "report_unwritable", Cause: err, Broken: true,
		Detail: "report_dir is a folder inside the pipeline's folder that this user may write to.",
	}
}

type counter struct {
	w io.Writer
	n int64
}

// Write counts.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
