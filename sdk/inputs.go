package sdk

import (
	"context"
	"fmt"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Cacheable is a builder or tester that knows what its result depends on. The
// runner may then take the result of an earlier run when nothing of that has
// changed. A component that does not implement it is always executed.
type Cacheable interface {
	Component

	// Inputs says what the result depends on beside the plugin, the
	// configuration with its artifacts, and the environment. Time, the commit, and
	// whatever else the runner is not told of must not change the result. It is
	// asked only about configurations that Validate accepts; values may be
	// unknown, and it is then asked again.
	Inputs(ctx context.Context, req ValidateRequest) Inputs
}

// Inputs is what a result depends on. The zero value says that this is not
// known, so that nothing is taken over.
type Inputs struct {
	// Complete says that Files is all that counts.
	Complete bool
	// Reason is why it is not, in the user's words: "it pushes to a registry".
	Reason string
	// Files are names and patterns in the work folder: "*", "?" and "[…]" match
	// within one segment, a segment "**" any number of them. The name of a folder
	// stands for all below it, and what begins with "!" takes away.
	Files []string
}

// Bounds of what a component says about its files.
const (
	maxInputs      = 1000
	maxResultFiles = 10_000
)

func inputsWire(in Inputs) *pluginv1.Inputs {
	out := &pluginv1.Inputs{Complete: in.Complete}
	if in.Complete {
		out.Files = in.Files
	} else {
		out.Reason = text(in.Reason, maxLine)
	}
	if len(out.Files) > maxInputs {
		return &pluginv1.Inputs{Reason: fmt.Sprintf("it depends on more than %d files and patterns; name folders instead", maxInputs)}
	}
	return out
}

// ResultFile is a file that an execution has left in the work folder.
type ResultFile struct {
	Path string // relative to the work folder
	// Shared says that others write to it too: it is only put back where it is
	// missing.
	Shared bool
}
