package cache

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Bounds of the detail in which a configuration is kept; below, one digest
// stands for a whole value.
const (
	maxDepth    = 4
	maxElements = 256
)

// addConfig adds each part of a configuration under its name. Sensitive values
// count like all others: no digest gives anything away without the store's
// secret.
func (l *lookup) addConfig(config cty.Value) error {
	bare, _ := config.UnmarkDeep()
	if !bare.IsWhollyKnown() {
		return errors.New("its configuration is not known yet")
	}
	p := paths{l.cache.o.Root}
	bare, err := p.transform(bare, p.portable)
	if err != nil {
		return err
	}
	return l.addValue("config", bare, 0)
}

func (l *lookup) addValue(name string, v cty.Value, depth int) error {
	if name, ok := artifactName(name, v); ok {
		return l.addLeaf(name, v)
	}
	if depth == maxDepth || !branches(v) {
		return l.addLeaf(name, v)
	}
	values := v.AsValueMap()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		below := name + "." + key
		if v.Type().IsMapType() {
			below = fmt.Sprintf("%s[%q]", name, key)
		}
		if err := l.addValue(below, values[key], depth+1); err != nil {
			return err
		}
	}
	return nil
}

// branches reports whether a value has parts with names, and not too many.
func branches(v cty.Value) bool {
	if v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return false
	}
	return v.LengthInt() > 0 && v.LengthInt() <= maxElements
}

func (l *lookup) addLeaf(name string, v cty.Value) error {
	ty, err := ctyjson.MarshalType(v.Type())
	if err != nil {
		return fmt.Errorf("%s cannot be compared: %w", name, err)
	}
	data, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return fmt.Errorf("%s cannot be compared: %w", name, err)
	}
	l.add(name, l.cache.keyed(string(ty)+"\n"+string(data)))
	return nil
}

// artifactName is what people call an artifact in a configuration, when the
// value is one.
func artifactName(place string, v cty.Value) (string, bool) {
	ty := v.Type()
	if v.IsNull() || !ty.IsObjectType() {
		return "", false
	}
	for _, attr := range []string{"name", "digest", "media_type", "location"} {
		if !ty.HasAttribute(attr) || ty.AttributeType(attr) != cty.String {
			return "", false
		}
	}
	if v.GetAttr("name").IsNull() {
		return "artifact at " + place, true
	}
	return fmt.Sprintf("artifact %s at %s", v.GetAttr("name").AsString(), place), true
}
