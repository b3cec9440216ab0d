// Package kube is a Kubernetes object as plain data: how it is read, named,
// written and compared. It knows no cluster.
package kube

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Object is one Kubernetes object as JSON would hold it: maps, slices, strings,
// booleans and int64.
type Object map[string]any

// Ref names one object. Namespace is empty for those of the whole cluster.
type Ref struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

// String is the reference for people, for example Deployment prod/digits.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// Ref is the object's own name.
func (o Object) Ref() Ref {
	return Ref{
		Kind:      o.Text("kind"),
		Name:      o.Text("metadata", "name"),
		Namespace: o.Text("metadata", "namespace"),
	}
}

// Text is the string at a path of map keys, or empty.
func (o Object) Text(path ...string) string {
	s, _ := o.At(path...).(string)
	return s
}

// Label is the value of a label, or empty.
func (o Object) Label(name string) string { return o.Text("metadata", "labels", name) }

// Annotation is the value of an annotation, or empty.
func (o Object) Annotation(name string) string { return o.Text("metadata", "annotations", name) }

// At is the value at a path of map keys, or nil.
func (o Object) At(path ...string) any {
	var v any = map[string]any(o)
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// Clone is a deep copy.
func (o Object) Clone() Object { return cloneMap(o) }

func cloneMap(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = cloneValue(v)
	}
	return out
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return cloneMap(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = cloneValue(e)
		}
		return out
	default:
		return v
	}
}

// Canonical is the one JSON form of a value: keys sorted, no white space, no
// HTML escapes, numbers as they were written.
func Canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	// Through any, because a struct keeps the order of its fields.
	var plain any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&plain); err != nil {
		return nil, fmt.Errorf("decode %T: %w", v, err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(plain); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Digest is that of the canonical form.
func Digest(v any) (string, error) {
	raw, err := Canonical(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return digestPrefix + hex.EncodeToString(sum[:]), nil
}

const digestPrefix = "sha256:"
