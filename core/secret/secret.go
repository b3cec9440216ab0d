// Package secret finds the values of the secrets that the operator has named.
// A pipeline can ask for a secret by name; only the operator says where its
// value is.
package secret

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// maxSize bounds a secret, in bytes.
const maxSize = 64 << 10

// Source says where the value of one secret is. Exactly one field is set.
type Source struct {
	Env  string // name of a variable of the runner
	File string // absolute path; one newline at its end is not part of the value
}

// Resolver gives the values of secrets.
type Resolver struct {
	sources map[string]Source
	env     func(string) (string, bool)
}

// NewResolver resolves the given secrets; env is os.LookupEnv but in tests.
func NewResolver(sources map[string]Source, env func(string) (string, bool)) *Resolver {
	return &Resolver{sources: maps.Clone(sources), env: env}
}

// ErrUnknown says that the operator has not named the secret.
var ErrUnknown = errors.New("no such secret")

// Names are the secrets that can be asked for, sorted.
func (r *Resolver) Names() []string { return slices.Sorted(maps.Keys(r.sources)) }

// Resolve is the value of a secret. Its error never holds a value.
func (r *Resolver) Resolve(ctx context.Context, name string) ([]byte, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	from, ok := r.sources[name]
	if !ok {
		return nil, fmt.Errorf("%w: the operator's configuration has no secret %q", ErrUnknown, name)
	}
	value, err := r.read(from)
	if err != nil {
		return nil, fmt.Errorf("resolve secret %q: %w", name, err)
	}
	if len(value) == 0 {
		return nil, fmt.Errorf("resolve secret %q: its value is empty", name)
	}
	return value, nil
}

func (r *Resolver) read(from Source) ([]byte, error) {
	if from.Env != "" {
		value, ok := r.env(from.Env)
		if !ok {
			return nil, fmt.Errorf("the variable %s is not set", from.Env)
		}
		return []byte(value), nil
	}
	f, err := os.Open(from.File)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the file %s does not exist", from.File)
		}
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the file %s can be read by group or others (mode %04o); run chmod 600 on it", from.File, info.Mode().Perm())
	}
	value, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(value) > maxSize {
		return nil, fmt.Errorf("the file %s has more than %d bytes", from.File, maxSize)
	}
	return []byte(strings.TrimSuffix(string(value), "\n")), nil
}
