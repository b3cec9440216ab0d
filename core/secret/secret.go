// Package secret finds the values of the secrets that the operator has named.
// A pipeline can ask for a secret by name; only the operator says where its
// value is. No error of this package holds a value, and none is given before it
// is masked in all output.
package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"unicode/utf8"
)

// MaxSize bounds a secret, in bytes.
const MaxSize = 64 << 10

// Source says where the value of one secret is. Exactly one field is set.
type Source struct {
	Env     string // name of a variable of the runner
	File    string // absolute path
	Command *Command
	Age     *Age
	Sops    *Sops
}

// Masks hides values in output.
type Masks interface {
	// Add hides a value from then on. Its error says that it is too short.
	Add(value string) error
	// Text is a text without the values that are hidden.
	Text(s string) string
}

// Options are what a Resolver needs.
type Options struct {
	Sources map[string]Source
	// Withheld are secrets that the run does not get, and why.
	Withheld map[string]string
	// LookupEnv finds variables of the runner.
	LookupEnv func(name string) (string, bool)
	Masks     Masks
}

// Resolver gives the values of secrets. Each is looked up once, when it is
// first asked for, and kept in memory: in one run a secret has one value. Its
// methods may be called from several goroutines.
type Resolver struct {
	o Options

	mu      sync.Mutex
	entries map[string]*entry
}

// entry is a secret that was asked for.
type entry struct {
	turn  chan struct{} // holds one token: whoever has it may look the value up
	value []byte        // nil until it is known
}

// NewResolver resolves secrets of the given sources.
func NewResolver(o Options) *Resolver {
	o.Sources = maps.Clone(o.Sources)
	return &Resolver{o: o, entries: make(map[string]*entry)}
}

// ErrUnknown says that the operator has not named the secret.
var ErrUnknown = errors.New("no such secret")

// ErrWithheld says that the secret is not for this run.
var ErrWithheld = errors.New("secret withheld")

// Names are the secrets that can be asked for, sorted.
func (r *Resolver) Names() []string { return slices.Sorted(maps.Keys(r.o.Sources)) }

// Resolve is the value of a secret, masked from then on. What could not be
// resolved is tried again when it is asked for again.
func (r *Resolver) Resolve(ctx context.Context, name string) ([]byte, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	from, ok := r.o.Sources[name]
	if !ok {
		return nil, fmt.Errorf("%w: the operator's configuration has no secret %q", ErrUnknown, name)
	}
	if why, withheld := r.o.Withheld[name]; withheld {
		return nil, fmt.Errorf("%w: the operator has limited secret %q: %s", ErrWithheld, name, why)
	}
	e := r.entry(name)
	select {
	case <-e.turn:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { e.turn <- struct{}{} }()
	if e.value == nil {
		value, err := r.lookUp(ctx, from)
		if err != nil {
			return nil, fmt.Errorf("resolve secret %q: %w", name, err)
		}
		e.value = value
	}
	return bytes.Clone(e.value), nil
}

func (r *Resolver) entry(name string) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.entries[name]
	if !ok {
		e = &entry{turn: make(chan struct{}, 1)}
		e.turn <- struct{}{}
		r.entries[name] = e
	}
	return e
}

// lookUp reads, masks and then checks: a value is masked even if it is refused.
func (r *Resolver) lookUp(ctx context.Context, from Source) ([]byte, error) {
	value, err := r.read(ctx, from)
	if err != nil {
		return nil, err
	}
	if from.Env == "" {
		value = withoutLineEnd(value)
	}
	if len(value) > 0 {
		_ = r.o.Masks.Add(string(value)) // whoever uses it warns of one that is too short
	}
	return value, check(value)
}

func (r *Resolver) read(ctx context.Context, from Source) ([]byte, error) {
	switch {
	case from.Env != "":
		value, ok := r.o.LookupEnv(from.Env)
		if !ok {
			return nil, fmt.Errorf("the variable %s is not set", from.Env)
		}
		return []byte(value), nil
	case from.Command != nil:
		return r.run(ctx, from.Command)
	case from.Age != nil:
		return from.Age.decrypt()
	case from.Sops != nil:
		return from.Sops.decrypt()
	default:
		return readPrivate(from.File, MaxSize)
	}
}

// withoutLineEnd takes one line end off, which programs and editors add.
func withoutLineEnd(value []byte) []byte {
	cut, found := bytes.CutSuffix(value, []byte("\n"))
	if found {
		cut = bytes.TrimSuffix(cut, []byte("\r"))
	}
	return cut
}

// check refuses what stages could not use: a secret ends up in variables,
// arguments and headers, which hold text.
func check(value []byte) error {
	switch {
	case len(value) == 0:
		return errors.New("its value is empty")
	case len(value) > MaxSize:
		return fmt.Errorf("its value has more than %d bytes", MaxSize)
	case bytes.IndexByte(value, 0) >= 0:
		return errors.New("its value holds a NUL byte, which no variable or argument can hold; keep it in base64 and decode it where it is used")
	case !utf8.Valid(value):
		return errors.New("its value is not UTF-8 text; keep it in base64 and decode it where it is used")
	}
	return nil
}
