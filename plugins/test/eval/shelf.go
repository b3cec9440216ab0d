package eval

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

// shelf keeps files with the runner, which has them by digest, and in the
// folder that the configuration names.
type shelf struct {
	host *sdk.Host
	out  *sdk.Emitter
	root *os.Root // of the work folder; nil where no folder is named
	dir  string
}

// piece is one file. It is written as often as there are places for it, and
// never held as a whole.
type piece struct {
	name, mediaType string
	write           func(w io.Writer) error
}

func openShelf(req sdk.Request, out *sdk.Emitter) (*shelf, error) {
	s := &shelf{host: req.Host, out: out}
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

func (s *shelf) close(err *error) {
	if s.root != nil {
		*err = errors.Join(*err, s.root.Close())
	}
}

// put keeps a piece. Its location is empty where the runner has no store, which
// is no reason to lose a verdict.
func (s *shelf) put(ctx context.Context, p piece) (sdk.Artifact, error) {
	a, err := s.store(ctx, p)
	if err == nil && s.root != nil {
		name := path.Join(s.dir, p.name)
		if err := s.file(name, p); err != nil {
			return a, unwritable(name, err)
		}
		s.out.File(sdk.ResultFile{Path: name})
	}
	return a, err
}

func (s *shelf) store(ctx context.Context, p piece) (sdk.Artifact, error) {
	if s.host == nil {
		sum := sha256.New()
		n := &counter{w: sum}
		err := p.write(n)
		return sdk.Artifact{Name: p.name, MediaType: p.mediaType, Size: n.n, Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil))}, err
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.CloseWithError(p.write(w)) // the reader sees it
	}()
	a, err := s.host.WriteBlob(ctx, r)
	_ = r.Close() // ends the writer, whatever happened
	<-done
	if err != nil {
		return a, fmt.Errorf("keep %s: %w", p.name, err)
	}
	a.Name, a.MediaType = p.name, p.mediaType
	s.out.Artifact(a)
	return a, nil
}

// file is there as a whole, or not at all.
func (s *shelf) file(name string, p piece) (err error) {
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
	if err := errors.Join(p.write(w), w.Flush(), f.Close()); err != nil {
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
