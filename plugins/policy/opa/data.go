package opa

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/util"
	"github.com/stagegate/stagegate/sdk/strictjson"
	"sigs.k8s.io/yaml"
)

// readData merges the data files, each at the place that its folder names, and
// then the parameters.
func readData(files bundleFiles, parameters map[string]json.RawMessage) (map[string]any, error) {
	root := make(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Base(name) != "data.json" && path.Base(name) != "data.yaml" {
			continue
		}
		value, err := decodeData(name, files[name])
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if err := merge(root, folders(name), value); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return root, setParameters(root, parameters)
}

// folders are those that a file is in: they name the place of its data.
func folders(name string) []string {
	at := strings.Split(path.Dir(name), "/")
	if at[0] == "." {
		return nil
	}
	return at
}

func decodeData(name string, data []byte) (map[string]any, error) {
	if strings.HasSuffix(name, ".yaml") {
		var err error
		if data, err = yaml.YAMLToJSONStrict(data); err != nil {
			return nil, err
		}
	}
	if err := strictjson.Check(data); err != nil {
		return nil, err
	}
	var value map[string]any
	if err := util.UnmarshalJSON(data, &value); err != nil {
		return nil, errors.New("it does not hold an object")
	}
	return value, nil
}

// merge puts value at a place; two files may share a folder's object but not
// one of its keys.
func merge(root map[string]any, at []string, value map[string]any) error {
	for _, key := range at {
		below, ok := root[key].(map[string]any)
		if !ok {
			if _, taken := root[key]; taken {
				return fmt.Errorf("%s is set by another file", key)
			}
			below = make(map[string]any)
			root[key] = below
		}
		root = below
	}
	for key, v := range value {
		if _, taken := root[key]; taken {
			return fmt.Errorf("%s is set by another file", key)
		}
		root[key] = v
	}
	return nil
}

// setParameters replaces what the bundle declares under stagegate.parameters. A
// name that is not declared there is a mistake that would otherwise switch a
// rule off unseen.
func setParameters(root map[string]any, parameters map[string]json.RawMessage) error {
	if len(parameters) == 0 {
		return nil
	}
	group, _ := root[rulesRoot].(map[string]any)
	declared, _ := group["parameters"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		old, ok := declared[name]
		if !ok {
			return fmt.Errorf("it has no parameter %q; it declares: %s", name, strings.Join(slices.Sorted(maps.Keys(declared)), ", "))
		}
		var value any
		if err := util.UnmarshalJSON(parameters[name], &value); err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
		if old != nil && jsonType(old) != jsonType(value) {
			return fmt.Errorf("parameter %s is a %s, not a %s", name, jsonType(old), jsonType(value))
		}
		declared[name] = value
	}
	return nil
}

func jsonType(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case string:
		return "string"
	case json.Number:
		return "number"
	case []any:
		return "list"
	default:
		return "object"
	}
}
