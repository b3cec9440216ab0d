package module

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/guard"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/trigger"
)

// LockName is the name of the lock file, in the folder of the pipeline.
const LockName = ".stagegate.lock.hcl"

// maxLock bounds a lock file, in bytes.
const maxLock = 1 << 20

const lockHeader = `# Written by "runner init": what the sources of modules stood for when they were
# pinned. Keep this file with the pipeline, and do not edit it.
`

// Pin is what a source stands for.
type Pin struct {
	Ref    string // full name of the ref that the source meant, or the commit
	Commit string
	Digest string // of the files
}

// Lock is the content of a lock file.
type Lock struct {
	Pins   map[string]Pin // by source, in its one form
	others [][]byte       // blocks of other kinds, as they are
}

// ReadLock reads the lock file in a folder. A folder without one has an empty
// lock.
func ReadLock(folder string) (*Lock, error) {
	path := filepath.Join(folder, LockName)
	fail := func(err error) (*Lock, error) { return nil, fmt.Errorf("read %s: %w", path, err) }
	out := &Lock{Pins: make(map[string]Pin)}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return out, nil
	case err != nil:
		return fail(err)
	case !info.Mode().IsRegular():
		return fail(errors.New("it is not a regular file"))
	}
	f, err := os.Open(path)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	src, err := io.ReadAll(io.LimitReader(f, maxLock+1))
	switch {
	case err != nil:
		return fail(err)
	case len(src) > maxLock:
		return fail(fmt.Errorf("it has more than %d bytes", maxLock))
	}
	if err := out.parse(src); err != nil {
		return fail(fmt.Errorf("%w; take it from the repository again, or remove it and run runner init", err))
	}
	return out, nil
}

func (l *Lock) parse(src []byte) error {
	body, diags := guard.Parse(LockName, src)
	if diags.HasErrors() {
		return lineError(diags[0])
	}
	for name := range body.Attributes {
		return fmt.Errorf("it has an argument %q outside of all blocks", name)
	}
	for _, b := range body.Blocks {
		if b.Type != "module" {
			l.others = append(l.others, b.Range().SliceBytes(src))
			continue
		}
		if err := l.take(b); err != nil {
			return fmt.Errorf("line %d: %w", b.TypeRange.Start.Line, err)
		}
	}
	return nil
}

func lineError(d diag.Diagnostic) error {
	if d.Subject == nil {
		return errors.New(d.Summary)
	}
	return fmt.Errorf("line %d: %s", d.Subject.Start.Line, d.Summary)
}

func (l *Lock) take(b *hclsyntax.Block) error {
	if len(b.Labels) != 1 || len(b.Body.Blocks) > 0 {
		return errors.New(`a pin is written module "source" { … }`)
	}
	source, err := Parse(b.Labels[0])
	if err != nil {
		return fmt.Errorf("the source is refused: %w", err)
	}
	key := source.String()
	if _, taken := l.Pins[key]; taken {
		return fmt.Errorf("%s is pinned twice", key)
	}
	var pin Pin
	want := map[string]*string{"ref": &pin.Ref, "commit": &pin.Commit, "digest": &pin.Digest}
	for name, a := range b.Body.Attributes {
		into := want[name]
		if into == nil {
			return fmt.Errorf("it has an argument %q that this runner does not know", name)
		}
		text, ok := literal(a.Expr)
		if !ok {
			return fmt.Errorf("%s is not a text", name)
		}
		*into = text
	}
	if pin.Ref != "HEAD" && !isCommit(pin.Ref) {
		if err := trigger.CheckRef(pin.Ref); err != nil {
			return err
		}
	}
	if !isCommit(pin.Commit) {
		return errors.New("commit is not the id of a commit")
	}
	if _, err := entryName(pin.Digest); err != nil {
		return fmt.Errorf("digest is not one: %w", err)
	}
	l.Pins[key] = pin
	return nil
}

// literal is a text without anything to evaluate.
func literal(e hclsyntax.Expression) (string, bool) {
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok || !t.IsStringLiteral() {
		return "", false
	}
	v, diags := t.Value(nil)
	return v.AsString(), !diags.HasErrors()
}

// Bytes is the lock file. The same pins always make the same bytes.
func (l *Lock) Bytes() []byte {
	out := bytes.NewBufferString(lockHeader)
	for _, source := range slices.Sorted(maps.Keys(l.Pins)) {
		p := l.Pins[source]
		fmt.Fprintf(out, "\nmodule %s {\n  ref    = %s\n  commit = %s\n  digest = %s\n}\n", quoted(source), quoted(p.Ref), quoted(p.Commit), quoted(p.Digest))
	}
	for _, other := range l.others {
		fmt.Fprintf(out, "\n%s\n", other)
	}
	return out.Bytes()
}

// quoted is a text as HCL writes it. What a lock holds has been checked: there
// is no control character in it.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{").Replace(s) + `"`
}

// Write puts the lock file into a folder, whole or not at all, and reports
// whether that changed anything. A lock without a pin needs no file.
func (l *Lock) Write(folder string) (changed bool, err error) {
	path := filepath.Join(folder, LockName)
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("write %s: %w", path, err)
	}
	now := l.Bytes()
	empty := len(l.Pins) == 0 && len(l.others) == 0
	switch {
	case empty && before == nil, !empty && bytes.Equal(before, now):
		return false, nil
	case empty:
		err = os.Remove(path)
	default:
		err = replace(path, now)
	}
	if err != nil {
		return false, fmt.Errorf("write %s: %w", path, err)
	}
	return true, nil
}

func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".stagegate.lock-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone after the rename
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
