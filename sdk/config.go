package sdk

import (
	"fmt"
	"math/big"

	"github.com/zclconf/go-cty/cty"
)

// Config is one block of values, read by name. The names are those of the
// schema; asking for one that is not there is a bug of the component and
// panics, which fails the stage and no other.
type Config struct{ value cty.Value }

// NewConfig wraps an object value.
func NewConfig(v Value) Config { return Config{value: v} }

// Value is the block itself, with its marks.
func (c Config) Value() Value { return c.value }

// Get is the raw value of an argument or nested block.
func (c Config) Get(name string) Value {
	v, _ := c.value.Unmark()
	if !v.IsKnown() {
		return cty.DynamicVal
	}
	if v.IsNull() || !v.Type().IsObjectType() || !v.Type().HasAttribute(name) {
		panic(fmt.Sprintf("the schema has no argument %q", name))
	}
	return v.GetAttr(name)
}

// Known reports whether an argument is wholly known.
func (c Config) Known(name string) bool { return c.Get(name).IsWhollyKnown() }

// Set reports whether an argument is known and not null.
func (c Config) Set(name string) bool {
	_, ok := c.known(name)
	return ok
}

// known is the argument without its mark, when it can be read.
func (c Config) known(name string) (cty.Value, bool) {
	v, _ := c.Get(name).UnmarkDeep()
	return v, v.IsWhollyKnown() && !v.IsNull()
}

// String is a string argument; empty when it is null or unknown.
func (c Config) String(name string) string {
	if v, ok := c.known(name); ok {
		return v.AsString()
	}
	return ""
}

// Bool is a bool argument; false when it is null or unknown.
func (c Config) Bool(name string) bool {
	v, ok := c.known(name)
	return ok && v.True()
}

// Int is a whole number; fallback when it is null or unknown. A fraction is
// cut off: refuse it in Validate where that matters.
func (c Config) Int(name string, fallback int64) int64 {
	if v, ok := c.known(name); ok {
		n, _ := v.AsBigFloat().Int64()
		return n
	}
	return fallback
}

// Number is a number, and whether it is set.
func (c Config) Number(name string) (float64, bool) {
	v, ok := c.known(name)
	if !ok {
		return 0, false
	}
	return float(v.AsBigFloat()), true
}

func float(f *big.Float) float64 {
	n, _ := f.Float64()
	return n
}

// Strings is a list or set of strings.
func (c Config) Strings(name string) []string {
	v, ok := c.known(name)
	if !ok {
		return nil
	}
	out := make([]string, 0, v.LengthInt())
	for _, e := range v.AsValueSlice() {
		if e.IsNull() {
			out = append(out, "")
			continue
		}
		out = append(out, e.AsString())
	}
	return out
}

// StringMap is a map of strings; null elements are left out.
func (c Config) StringMap(name string) map[string]string {
	v, ok := c.known(name)
	if !ok {
		return nil
	}
	out := make(map[string]string, v.LengthInt())
	for k, e := range v.AsValueMap() {
		if !e.IsNull() {
			out[k] = e.AsString()
		}
	}
	return out
}

// Artifact is an argument of ArtifactType, and whether it is set.
func (c Config) Artifact(name string) (Artifact, bool) {
	v, ok := c.known(name)
	if !ok {
		return Artifact{}, false
	}
	return ArtifactOf(v), true
}

// Artifacts is a map of ArtifactType.
func (c Config) Artifacts(name string) map[string]Artifact {
	v, ok := c.known(name)
	if !ok {
		return nil
	}
	out := make(map[string]Artifact, v.LengthInt())
	for k, e := range v.AsValueMap() {
		if !e.IsNull() {
			out[k] = ArtifactOf(e)
		}
	}
	return out
}

// Block is a block of NestingSingle, and whether it is there.
func (c Config) Block(name string) (Config, bool) {
	v, _ := c.Get(name).Unmark()
	if !v.IsKnown() || v.IsNull() {
		return Config{}, false
	}
	return Config{value: v}, true
}

// Blocks are the blocks of NestingList, in source order.
func (c Config) Blocks(name string) []Config {
	v, _ := c.Get(name).Unmark()
	if !v.IsKnown() || v.IsNull() {
		return nil
	}
	out := make([]Config, 0, v.LengthInt())
	for _, e := range v.AsValueSlice() {
		out = append(out, Config{value: e})
	}
	return out
}

// LabelledBlocks are the blocks of NestingMap by label.
func (c Config) LabelledBlocks(name string) map[string]Config {
	v, _ := c.Get(name).Unmark()
	if !v.IsKnown() || v.IsNull() {
		return nil
	}
	out := make(map[string]Config, v.LengthInt())
	for k, e := range v.AsValueMap() {
		out[k] = Config{value: e}
	}
	return out
}
