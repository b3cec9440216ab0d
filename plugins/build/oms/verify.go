package oms

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/plugins/build/bundle"
)

// MismatchError says how files differ from those that were signed.
type MismatchError struct {
	Changed, Missing, Unsigned []string // names of resources, sorted
}

// Error names the first few.
func (e *MismatchError) Error() string {
	var parts []string
	for _, kind := range []struct {
		word  string
		names []string
	}{{"changed", e.Changed}, {"missing", e.Missing}, {"not signed", e.Unsigned}} {
		if n := len(kind.names); n > 0 {
			shown := strings.Join(kind.names[:min(n, 5)], ", ")
			if n > 5 {
				shown += fmt.Sprintf(" and %d more", n-5)
			}
			parts = append(parts, kind.word+": "+shown)
		}
	}
	return "the files are not those that were signed: " + strings.Join(parts, "; ")
}

// Verify reads a model signature that the key has made. The files still have to
// be compared: see Model.Compare.
func Verify(b bundle.Bundle, key bundle.PublicKey) (Model, error) {
	statement, err := b.Verify(key)
	if err != nil {
		return Model{}, fmt.Errorf("verify model signature: %w", err)
	}
	return Parse(statement)
}

// Compare reports a *MismatchError unless the resources are those that were
// signed, in whatever order, and nothing beside them. What a signature ignores,
// and what no signature covers, may be there.
func (m Model) Compare(found []Resource) error {
	signed := make(map[string]string, len(m.Resources))
	for _, r := range m.Resources {
		signed[r.Name] = r.Digest
	}
	var e MismatchError
	for _, r := range found {
		want, ok := signed[r.Name]
		delete(signed, r.Name)
		switch {
		case ok && want != r.Digest:
			e.Changed = append(e.Changed, r.Name)
		case !ok && !m.ignores(r.Name):
			e.Unsigned = append(e.Unsigned, r.Name)
		}
	}
	e.Missing = slices.Sorted(maps.Keys(signed))
	slices.Sort(e.Changed)
	slices.Sort(e.Unsigned)
	if len(e.Changed)+len(e.Missing)+len(e.Unsigned) > 0 {
		return &e
	}
	return nil
}

// neverSigned is what git keeps at the top of a folder.
func neverSigned() []string { return []string{".git", ".gitignore", ".gitattributes", ".github"} }

func (m Model) ignores(resource string) bool {
	name := resource
	if m.Method == Shards {
		name, _, _ = strings.Cut(resource, ":")
	}
	for _, ignored := range append(neverSigned(), m.Ignored...) {
		ignored = path.Clean(ignored)
		if name == ignored || strings.HasPrefix(name, ignored+"/") {
			return true
		}
	}
	return false
}
