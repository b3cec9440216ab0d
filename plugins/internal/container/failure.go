package container

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/plugins/internal/engine"
	"github.com/stagegate/stagegate/sdk"
)

// explain says what the user can do about a container that did not come to its
// own end.
func (b *Box) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, ok := errors.AsType[*sdk.Failure](err); ok {
		return err
	}
	if lost, ok := errors.AsType[*engine.LostError](err); ok {
		return &sdk.Failure{
			Summary: "The Docker engine went away", Class: "engine_lost", Broken: true, Transient: true, Cause: lost.Err,
			Detail: "Somebody has stopped the engine, or it has crashed. The command was not run to its end.",
		}
	}
	start, ok := errors.AsType[*engine.StartError](err)
	if !ok {
		return err
	}
	f := &sdk.Failure{Summary: "The container cannot be started", Class: "container_not_started", Broken: true, Cause: err}
	switch start.Reason {
	case engine.StartCommand:
		f.Summary, f.Class = fmt.Sprintf("The command %q cannot be started in the container", first(b.job.Request.Config.Strings("command"))), "command_not_started"
		f.Detail = "Is it in the image, or in an input with the mode bit to be run? A name without a slash is looked for in the PATH of the image, and there is no shell."
	case engine.StartGPU:
		f.Summary, f.Class = "The engine cannot give a GPU to the container", "gpu_unavailable"
		f.Detail = "The machine of the engine needs the GPU, its driver and the NVIDIA Container Toolkit: `docker run --rm --gpus all IMAGE nvidia-smi` shows whether all is there."
	case engine.StartOther:
	}
	return f
}

func first(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

func (b *Box) outOfMemory(code int) error {
	limit := "what the engine has"
	if block, ok := b.job.Request.Config.Block("limits"); ok && block.Set("memory") {
		limit = "its limit of " + block.String("memory")
	}
	return &sdk.Failure{
		Summary: "The command took more memory than " + limit, Class: "out_of_memory", ExitCode: code,
		Detail: b.detail("The kernel killed it. Raise memory in the limits block, or have it take less at a time."),
	}
}

// Failed adds to a failure what the command said last.
func (b *Box) Failed(f *sdk.Failure) *sdk.Failure {
	if f != nil {
		f.Detail = b.detail(f.Detail)
	}
	return f
}

func (b *Box) detail(text string) string {
	if words := b.LastWords(); words != "" {
		text += "\nIt said last:\n" + words
	}
	return text
}
