package engine

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/docker/docker/api/types/container"
)

// The reasons for which a path of a container cannot be read.
var (
	ErrNoFile = errors.New("it is not there")
	ErrLink   = errors.New("it is, or lies behind, a symbolic link")
)

// CopyIn unpacks a tar archive into a container that does not run. Names start
// at its root.
func (e *Engine) CopyIn(ctx context.Context, id string, archive io.Reader) error {
	if err := e.client.CopyToContainer(ctx, id, "/", archive, container.CopyToContainerOptions{}); err != nil {
		return ended(ctx, fmt.Errorf("copy into container: %w", said(err)))
	}
	return nil
}

// Archive is a path of a container as a tar archive.
type Archive struct {
	*tar.Reader

	stream io.Closer
}

// Close ends it, read to its end or not.
func (a *Archive) Close() error { return a.stream.Close() }

// CopyOut packs a file or folder of a container that has ended. The engine would
// follow links in the path within the container; here none is followed, so that
// a name below a folder means what is in that folder.
func (e *Engine) CopyOut(ctx context.Context, id, folder, name string) (*Archive, error) {
	at := folder
	for part := range strings.SplitSeq(path.Clean(name), "/") {
		at = path.Join(at, part)
		found, err := e.client.ContainerStatPath(ctx, id, at)
		switch {
		case err != nil && gone(err):
			return nil, ErrNoFile
		case err != nil:
			return nil, ended(ctx, fmt.Errorf("look at %s in the container: %w", at, said(err)))
		case found.Mode&fs.ModeSymlink != 0:
			return nil, ErrLink
		}
	}
	stream, _, err := e.client.CopyFromContainer(ctx, id, at)
	if err != nil {
		return nil, ended(ctx, fmt.Errorf("copy %s out of the container: %w", at, said(err)))
	}
	return &Archive{tar.NewReader(stream), stream}, nil
}
