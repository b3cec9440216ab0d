package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/stagegate/stagegate/core/config/guard"
)

// path formats a folder or a file that the user has named.
func (f *formatter) path(ctx context.Context, given string) error {
	t, name, err := openTree(given)
	if err != nil {
		f.mistake(given, err)
		return nil
	}
	defer func() { _ = t.Close() }() // it was only looked up
	if name != "" {
		f.one(t, name, filepath.Clean(given))
		return nil
	}
	return f.folder(ctx, t)
}

// tree is a folder below which files are formatted.
type tree struct {
	*os.Root
	dir   string // resolved
	given string // by the user
}

// openTree opens a folder, or the folder of a file, whose name it returns. What
// the user names may be a link to anywhere; what is found below it may not.
func openTree(given string) (t tree, name string, err error) {
	if t.dir, err = filepath.EvalSymlinks(given); err != nil {
		return t, "", err
	}
	if t.dir, err = filepath.Abs(t.dir); err != nil {
		return t, "", err
	}
	info, err := os.Stat(t.dir)
	if err != nil {
		return t, "", err
	}
	t.given = filepath.Clean(given)
	if !info.IsDir() {
		if filepath.Ext(given) != ".hcl" {
			return t, "", errors.New("it is not an .hcl file; format other files through standard input: runner fmt - <FILE")
		}
		t.dir, name = filepath.Split(t.dir)
	}
	t.Root, err = os.OpenRoot(t.dir)
	return t, name, err
}

// folder formats the files of a folder in order.
func (f *formatter) folder(ctx context.Context, t tree) error {
	return fs.WalkDir(t.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		shown := filepath.Join(t.given, name)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			f.mistake(shown, err)
			return nil
		case name == ".":
			return nil
		case d.IsDir() && (!f.recursive || strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".hcl" || strings.HasPrefix(d.Name(), "."):
			return nil
		}
		f.one(t, name, shown)
		return nil
	})
}

// one formats one file of a tree.
func (f *formatter) one(t tree, name, shown string) {
	target, err := t.resolve(name)
	if err != nil {
		f.mistake(shown, err)
		return
	}
	real := filepath.Join(t.dir, target)
	if f.seen[real] {
		return // it was named twice, or by a link
	}
	f.seen[real] = true
	src, mode, err := t.read(target)
	if err != nil {
		f.mistake(shown, err)
		return
	}
	out, ok := f.text(shown, src)
	if !ok {
		return
	}
	file := f.file(shown, src, out)
	if f.write && !file.Formatted {
		if err := t.replace(target, out, mode); err != nil {
			f.mistake(shown, err)
			return
		}
		file.Written = true
	}
	f.report(file, out)
}

// mistake is about a file that cannot be read or written; the others go on.
func (f *formatter) mistake(shown string, err error) {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	f.diags.Append(nil, "File cannot be formatted", fmt.Sprintf("%s: %v. It is left as it is.", shown, err))
}

// resolve follows links, which may not lead out of the tree.
func (t tree) resolve(name string) (string, error) {
	info, err := t.Lstat(name)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return name, err
	}
	if _, err := t.Stat(name); err != nil { // the root refuses to leave
		return "", err
	}
	real, err := filepath.EvalSymlinks(filepath.Join(t.dir, name))
	if err != nil {
		return "", err
	}
	return filepath.Rel(t.dir, real)
}

// read is the content of a regular file, one byte more than may be formatted
// at most.
func (t tree) read(name string) ([]byte, fs.FileMode, error) {
	info, err := t.Lstat(name)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("it is not a regular file")
	}
	file, err := t.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = file.Close() }() // read only: nothing can be lost
	src, err := io.ReadAll(io.LimitReader(file, guard.MaxFileBytes+1))
	return src, info.Mode().Perm(), err
}

// replace puts a new content in the place of a file at once: whoever reads it,
// and whenever this process ends, there is the old file or the new one. What is
// there in between has a hidden name, which no command reads.
func (t tree) replace(name string, content []byte, mode fs.FileMode) (err error) {
	const anyone = 0o222
	if mode&anyone == 0 {
		return errors.New("it is read-only")
	}
	check, err := t.OpenFile(name, os.O_WRONLY, 0) // whether this user may
	if err != nil {
		return err
	}
	info, err := check.Stat()
	if err := errors.Join(err, check.Close()); err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+rand.Text()[:8])
	file, err := t.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Remove(temporary))
		}
	}()
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		// Only root may give files away; others own what they format.
		_ = file.Chown(int(owner.Uid), int(owner.Gid))
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		return err
	}
	return t.Rename(temporary, name)
}
