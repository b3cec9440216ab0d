// Package function is the closed list of functions that a pipeline may call.
// Each is bounded: no call makes a value much larger than its arguments, and
// no call reads outside the pipeline's folder. There is no clock and no
// randomness, so that the same inputs give the same pipeline.
package function

import (
	"maps"

	"github.com/zclconf/go-cty/cty/function"
)

// Table is all functions by name. Files is what the file functions read.
func Table(files Files) map[string]function.Function {
	all := make(map[string]function.Function, 96)
	for _, family := range []map[string]function.Function{
		text(), collection(), number(), encoding(), conversion(), hash(), clock(), path(),
	} {
		maps.Copy(all, family)
	}
	for name, make := range Priced(files) {
		all[name] = make(free)
	}
	return all
}
