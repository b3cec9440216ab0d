package sops

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"go.yaml.in/yaml/v3"
)

// parseYAML reads one document. What sops writes has neither anchors nor
// aliases.
func parseYAML(file []byte) (object, error) {
	dec := yaml.NewDecoder(bytes.NewReader(file))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		return nil, errors.New("it is neither valid YAML nor JSON") // the decoder's own words may quote the file
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, unsupported("it holds several YAML documents")
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("it is not a file that sops has encrypted: it is not a mapping")
	}
	v, err := yamlValue(doc.Content[0], 0)
	if err != nil {
		return nil, err
	}
	top, ok := v.(object)
	if !ok {
		return nil, errors.New("it is not a file that sops has encrypted: it is not a mapping")
	}
	return top, nil
}

func yamlValue(n *yaml.Node, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	switch n.Kind {
	case yaml.MappingNode:
		return yamlObject(n, depth)
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			v, err := yamlValue(item, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case yaml.ScalarNode:
		return yamlScalar(n)
	default:
		return nil, fmt.Errorf("line %d has an anchor or an alias, which sops does not write", n.Line)
	}
}

func yamlObject(n *yaml.Node, depth int) (any, error) {
	out := object{}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			return nil, fmt.Errorf("the key in line %d is not a text", key.Line)
		}
		if seen[key.Value] {
			return nil, fmt.Errorf("the key in line %d is there already", key.Line)
		}
		seen[key.Value] = true
		v, err := yamlValue(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, member{key.Value, v})
	}
	return out, nil
}

func yamlScalar(n *yaml.Node) (any, error) {
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, fmt.Errorf("the value in line %d is not valid", n.Line)
	}
	switch v.(type) {
	case nil, string, int, float64, bool, time.Time:
		return v, nil
	default:
		return nil, fmt.Errorf("the value in line %d is of a kind that sops does not know", n.Line)
	}
}
