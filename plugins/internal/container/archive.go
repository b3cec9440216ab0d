package container

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/inputs"
)

// packer writes what a container is given as a tar archive whose names start at
// the container's root.
type packer struct {
	ctx     context.Context
	root    *os.Root
	host    *sdk.Host
	out     *tar.Writer
	made    map[string]bool // folders
	sent    int64
	emitter Output
}

// pack writes the volumes' folders, the writable ones open to every user, and
// the files.
func (p *packer) pack(folders []string, writable string, files []given) error {
	if err := p.folder(writable, true); err != nil {
		return err
	}
	for _, folder := range folders {
		if err := p.folder(folder, within(folder, writable)); err != nil {
			return err
		}
	}
	for _, f := range files {
		if p.ctx.Err() != nil {
			return context.Cause(p.ctx)
		}
		open := within(f.path, writable)
		if err := p.folder(path.Dir(f.path), open); err != nil {
			return err
		}
		write := p.artifact
		if f.name != "" {
			write = p.file
		}
		if err := write(f, open); err != nil {
			return err
		}
	}
	return p.out.Close()
}

// folder writes a folder and those above it, once.
func (p *packer) folder(name string, open bool) error {
	if name == "/" || p.made[name] {
		return nil
	}
	if above := path.Dir(name); above != "/" && !p.made[above] {
		// Folders above a volume are the image's own, and stay as they are.
		if err := p.above(above, open); err != nil {
			return err
		}
	}
	p.made[name] = true
	return p.out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(name, "/") + "/", Mode: mode(0o755, open)})
}

// above writes a folder above another when it is in a volume.
func (p *packer) above(name string, open bool) error {
	for folder := path.Dir(name); folder != "/"; folder = path.Dir(folder) {
		if p.made[folder] {
			return p.folder(name, open)
		}
	}
	return nil
}

// mode makes what the container may write writable for whoever it runs as; it is
// readable in any case. Who owns it here means nothing there.
func mode(bits int64, open bool) int64 {
	bits |= 0o444
	if open {
		bits |= 0o222
	}
	return bits
}

// file opens before it looks, so that size and content are of the same file. A
// link within the work folder is followed, as the runner's cache does.
func (p *packer) file(f given, open bool) error {
	in, err := p.root.OpenFile(f.name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would be waited for
	if err != nil {
		return fmt.Errorf("input %q: %w", f.name, inputs.Plain(err))
	}
	info, err := in.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = inputs.ErrNoRegular
	}
	if err == nil {
		err = p.content(f.path, info.Size(), info.Mode(), open, in)
	}
	if err != nil {
		err = fmt.Errorf("input %q: %w", f.name, inputs.Plain(err))
	}
	return errors.Join(err, in.Close())
}

func (p *packer) artifact(f given, open bool) error {
	in, err := p.host.ReadBlob(p.ctx, f.artifact.Digest, 0, 0)
	if err != nil {
		return fmt.Errorf("artifact %q: %w", f.artifact.Name, err)
	}
	if err := p.content(f.path, f.artifact.Size, 0, open, in); err != nil {
		return errors.Join(fmt.Errorf("artifact %q: %w", f.artifact.Name, err), in.Close())
	}
	return in.Close()
}

func (p *packer) content(name string, size int64, bits fs.FileMode, open bool, in io.Reader) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(name, "/"), Size: size, Mode: mode(0o644, open)}
	if bits&0o100 != 0 {
		h.Mode |= 0o111
	}
	if err := p.out.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.Copy(p.out, &counted{in: io.LimitReader(in, size), p: p})
	if err == nil && n < size {
		err = fmt.Errorf("it became shorter while it was read: %d of %d bytes", n, size)
	}
	if err != nil {
		return err
	}
	// Whatever checks the whole only says so at its end.
	if extra, err := in.Read(make([]byte, 1)); extra > 0 {
		return fmt.Errorf("it became longer than its %d bytes while it was read", size)
	} else if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// counted reports what has been sent.
type counted struct {
	in io.Reader
	p  *packer
}

// Read implements io.Reader.
func (c *counted) Read(b []byte) (int, error) {
	if c.p.ctx.Err() != nil {
		return 0, context.Cause(c.p.ctx)
	}
	n, err := c.in.Read(b)
	c.p.sent += int64(n)
	if n > 0 {
		c.p.emitter.Progress("copying files into the container", c.p.sent, 0, "bytes")
	}
	return n, err
}
