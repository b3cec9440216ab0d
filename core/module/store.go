package module

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Options are what a Store needs.
type Options struct {
	// Folder is where modules are kept; it is made when it is first needed.
	Folder  string
	Allowed Allowed
	// LookupEnv finds variables of the runner.
	LookupEnv func(name string) (string, bool)
	// MaxFetch bounds what a fetch may bring, in bytes; 0 means 256 MiB.
	MaxFetch int64
}

// Store keeps the files of modules by their digest.
type Store struct{ o Options }

// NewStore is the store in a folder.
func NewStore(o Options) *Store {
	if o.MaxFetch <= 0 {
		o.MaxFetch = maxFetch
	}
	return &Store{o}
}

// ErrMissing says that the store does not have the module.
var ErrMissing = errors.New("it is not in the store")

// Folder is the folder of a digest. Its files are hashed every time: what
// comes out of the store is what was put in.
func (s *Store) Folder(digest string) (string, error) {
	name, err := entryName(digest)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(s.o.Folder, name)
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrMissing
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = root.Close() }() // read only: nothing can be lost
	got, err := measure(root)
	if err == nil && got != digest {
		err = fmt.Errorf("they have the digest %s, not %s", got, digest)
	}
	if err != nil {
		return "", fmt.Errorf("the stored files were changed: %w; remove %s, and run runner init", err, dir)
	}
	return dir, nil
}

// Resolve asks the repository which commit a source means now, and gives the
// full name of its ref.
func (s *Store) Resolve(ctx context.Context, from Source) (ref, commit string, err error) {
	if err := s.o.Allowed.Check(from); err != nil {
		return "", "", err
	}
	g, done, err := s.workshop(ctx, from)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, done()) }()
	return resolve(ctx, g, from)
}

// Fetch puts a source into the store, as of a commit, and gives its digest.
func (s *Store) Fetch(ctx context.Context, from Source, commit string) (digest string, err error) {
	if err := s.o.Allowed.Check(from); err != nil {
		return "", err
	}
	if !isCommit(commit) {
		return "", fmt.Errorf("%.80q is not the id of a commit", commit)
	}
	g, done, err := s.workshop(ctx, from)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, done()) }()
	steps := [][]string{
		{"init", "--quiet", "--bare", "--template=", "--object-format=" + objectFormat(commit), "."},
		{"fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--depth=1", "--", from.Repository, commit},
	}
	for _, step := range steps {
		if _, err := g.ask(ctx, step...); err != nil {
			return "", err
		}
	}
	files, err := list(ctx, g, commit, from.Folder)
	if err != nil {
		return "", err
	}
	tree := g.dir + ".tree"
	if digest, err = layOut(ctx, g, files, tree); err != nil {
		return "", err
	}
	return digest, s.keep(tree, digest)
}

func objectFormat(commit string) string {
	if len(commit) == 64 {
		return "sha256"
	}
	return "sha1"
}

// list names the files of a folder of a commit.
func list(ctx context.Context, g git, commit, folder string) ([]file, error) {
	if kind, err := g.ask(ctx, "cat-file", "-t", commit); err != nil || string(kind) != "commit\n" {
		return nil, errors.Join(fmt.Errorf("%s is not a commit of the repository", commit), err)
	}
	answer, err := g.ask(ctx, "ls-tree", "-r", "-z", "-l", "--full-tree", commit+":"+folder)
	if err != nil {
		if folder != "" {
			return nil, fmt.Errorf("the repository has no folder %s at that commit", folder)
		}
		return nil, err
	}
	return listing(answer)
}

// layOut writes files into a new folder and gives their digest.
func layOut(ctx context.Context, g git, files []file, dir string) (string, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = root.Close() }() // what was written is synced below
	sums := make(map[string]string)
	err = g.blobs(ctx, files, func(f file, content io.Reader) error {
		if err := root.MkdirAll(path.Dir(f.path), 0o700); err != nil {
			return err
		}
		out, err := root.OpenFile(f.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, f.mode)
		if err != nil {
			return err
		}
		h := sha256.New()
		_, err = io.Copy(io.MultiWriter(out, h), content)
		sums[f.path] = hexSum(h)
		return errors.Join(err, out.Close())
	})
	if err != nil {
		return "", err
	}
	handle, err := root.Open(".")
	if err != nil {
		return "", err
	}
	defer func() { _ = handle.Close() }() // a folder: nothing can be lost
	return sum(sums), unix.Syncfs(int(handle.Fd()))
}

// keep moves laid out files to their place. They may be there already.
func (s *Store) keep(tree, digest string) error {
	name, err := entryName(digest)
	if err != nil {
		return err
	}
	if _, err := s.Folder(digest); !errors.Is(err, ErrMissing) {
		return err
	}
	return os.Rename(tree, filepath.Join(s.o.Folder, name))
}
