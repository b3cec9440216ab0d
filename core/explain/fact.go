package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/event"
)

// Bounds of what is shown of one finding.
const (
	maxFacts = 20
	maxValue = 4 << 10 // bytes of one value, as JSON
)

// States of what a rule rests on, beside those of facts.
const (
	Recorded = "recorded" // the runner's own record, and no fact
	Missing  = "missing"  // the document has no such place
)

// Fact is one thing that a rule rests on, as it stood in the document.
type Fact struct {
	Name string `json:"name"` // its place in the document
	// State is verified, declared, unknown or absent; recorded for what the runner
	// itself says, and missing when there is no such place.
	State string `json:"state"`
	Value any    `json:"value,omitempty"`
	// Bytes is the size of a value that is too large to be shown.
	Bytes     int    `json:"value_bytes,omitempty"`
	Source    string `json:"source,omitempty"`
	CheckedAt string `json:"checked_at,omitempty"`
}

// document is a policy input, as far as it is known.
type document map[string]any

func decode(input []byte) (document, error) {
	if len(input) == 0 {
		return nil, nil
	}
	var doc document
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	return doc, d.Decode(&doc)
}

// text is a string at a place, or empty.
func (d document) text(path ...string) string {
	var at any = map[string]any(d)
	for _, key := range path {
		object, _ := at.(map[string]any)
		at = object[key]
	}
	s, _ := at.(string)
	return s
}

// facts are those that a finding rests on, as far as the document has them.
func (d document) facts(v event.Violation) []Fact {
	out := []Fact{}
	if d == nil {
		return out
	}
	for _, name := range v.Facts {
		name = strings.TrimPrefix(name, "input.")
		s := search{subject: v.Subject}
		s.walk("", map[string]any(d), strings.Split(name, "."))
		further, _ := d["facts"].(map[string]any) // those without a place of their own
		if fact, ok := further[name]; ok && len(s.found) == 0 {
			s.take("facts."+name, fact)
		}
		if len(s.found) == 0 {
			s.found = []Fact{{Name: name, State: Missing}}
		}
		out = append(out, s.found...)
	}
	return out[:min(len(out), maxFacts)]
}

// search looks a fact up. In a list, an element that the finding is about
// stands for all of them.
type search struct {
	subject string
	found   []Fact
}

func (s *search) walk(at string, value any, path []string) {
	if len(path) == 0 || isFact(value) {
		s.take(at, value)
		return
	}
	switch v := value.(type) {
	case map[string]any:
		below, ok := v[path[0]]
		if ok {
			s.walk(strings.TrimPrefix(at+"."+path[0], "."), below, path[1:])
		}
	case []any:
		for _, i := range s.meant(v) {
			s.walk(fmt.Sprintf("%s[%d]", at, i), v[i], path)
		}
	}
}

// take notes what stands at a place.
func (s *search) take(at string, value any) {
	if len(s.found) == maxFacts {
		return
	}
	f := Fact{Name: at, State: Recorded, Value: value}
	if isFact(value) {
		object, _ := value.(map[string]any)
		f.State, _ = object["state"].(string)
		f.Source, _ = object["source"].(string)
		f.CheckedAt, _ = object["checked_at"].(string)
		f.Value = object["value"]
	}
	if list, ok := f.Value.([]any); ok {
		if meant := s.meant(list); len(meant) == 1 && len(list) > 1 {
			f.Name, f.Value = fmt.Sprintf("%s[%d]", f.Name, meant[0]), list[meant[0]]
		}
	}
	f.Value = named(f.Value)
	if size := len(text(f.Value)); size > maxValue {
		f.Value, f.Bytes = nil, size
	}
	s.found = append(s.found, f)
}

// meant are the elements of a list that the subject names; all when it names
// none.
func (s *search) meant(list []any) []int {
	var all, named []int
	for i, element := range list {
		all = append(all, i)
		if object, ok := element.(map[string]any); ok && s.names(object) {
			named = append(named, i)
		}
	}
	if len(named) > 0 {
		return named
	}
	return all
}

// names reports whether the subject is about an object: by what identifies it,
// or by kind and name as those of a cluster are called.
func (s *search) names(object map[string]any) bool {
	if s.subject == "" {
		return false
	}
	for _, key := range []string{"name", "digest", "stage", "host", "ref"} {
		if str(object, key) == s.subject {
			return true
		}
	}
	kind, name := identity(object)
	return kind != "" && name != "" && (strings.HasPrefix(s.subject+" ", kind+" "+name+" ") || strings.HasPrefix(s.subject+" ", kind+"/"+name+" "))
}

// named has the objects of a cluster by kind and name alone: what else is in
// them may be somebody's secret, and is in the document.
func named(value any) any {
	switch v := value.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = named(v[i])
		}
		return out
	case map[string]any:
		if kind, name := identity(v); kind != "" && name != "" {
			return kind + " " + name
		}
	}
	return value
}

// identity is the kind and name of an object of a cluster.
func identity(object map[string]any) (kind, name string) {
	metadata, _ := object["metadata"].(map[string]any)
	return str(object, "kind"), str(metadata, "name")
}

func isFact(value any) bool {
	object, ok := value.(map[string]any)
	return ok && slices.Equal(slices.Sorted(maps.Keys(object)), []string{"checked_at", "source", "state", "value"})
}
