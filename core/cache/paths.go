package cache

import (
	"errors"
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// paths takes the place of the checkout out of what is compared and kept, and
// puts it in again: a result is the same in another folder.
type paths struct{ root string }

// mark stands for the pipeline's folder in what is kept. No path holds a NUL.
const mark = "\x00root"

// layoutPrefix begins the location of an artifact in a folder.
const layoutPrefix = "oci-layout:"

func (p paths) portable(s string) string { return replaceRoot(s, p.root, mark) }

func (p paths) local(s string) string { return replaceRoot(s, mark, p.root) }

// replaceRoot replaces a folder at the beginning of a path or location.
func replaceRoot(s, from, to string) string {
	scheme := ""
	path := s
	if rest, ok := strings.CutPrefix(s, layoutPrefix); ok {
		scheme, path = layoutPrefix, rest
	}
	if rest, ok := strings.CutPrefix(path, from); ok && (rest == "" || rest[0] == '/') {
		return scheme + to + rest
	}
	return s
}

var errMark = errors.New("a string of it begins with a NUL character")

// transform replaces every string of a value.
func (p paths) transform(v cty.Value, replace func(string) string) (cty.Value, error) {
	return cty.Transform(v, func(_ cty.Path, leaf cty.Value) (cty.Value, error) {
		if leaf.Type() != cty.String || leaf.IsNull() || !leaf.IsKnown() {
			return leaf, nil
		}
		s := leaf.AsString()
		if strings.HasPrefix(strings.TrimPrefix(s, layoutPrefix), mark) && replace(s) == s {
			return leaf, errMark // it would be taken for the folder later
		}
		return cty.StringVal(replace(s)), nil
	})
}

// outputs replaces the strings of outputs in the form of the journal.
func (p paths) outputs(data []byte, replace func(string) string) ([]byte, error) {
	if len(data) == 0 {
		return nil, nil
	}
	v, err := ctyjson.Unmarshal(data, cty.DynamicPseudoType)
	if err != nil {
		return nil, fmt.Errorf("read outputs: %w", err)
	}
	if v, err = p.transform(v, replace); err != nil {
		return nil, fmt.Errorf("read outputs: %w", err)
	}
	return ctyjson.Marshal(v, cty.DynamicPseudoType)
}
