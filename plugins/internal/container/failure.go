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

// killed is the exit code of what has got the signal that nothing survives.
const killed = 128 + 9

// outOfMemory explains an end for want of memory, and is nil for another one. The
// engine learns of such an end beside the exit code, and sometimes too late to
// tell of it.
func (b *Box) outOfMemory(exit engine.Exit) error {
	block, limited := b.job.Request.Config.Block("limits")
	limited = limited && block.Set("memory")
	f := &sdk.Failure{Class: "out_of_memory", ExitCode: exit.Code}
	more := "Raise memory in the limits block, or have it take less at a time."
	switch {
	case exit.Code == 0:
		return nil
	case exit.OutOfMemory && limited:
		f.Summary, f.Detail = "The command took more memory than its limit of "+block.String("memory"), "The kernel killed it. "+more
	case exit.OutOfMemory:
		f.Summary, f.Detail = "The command took more memory than what the engine has", "The kernel killed it. "+more
	case exit.Code == killed && limited:
		f.Summary = "The command was killed, most likely for more memory than its limit of " + block.String("memory")
		f.Detail = "The engine does not say who killed it. Where the memory runs out it is the kernel. " + more
	default:
		return nil
	}
	f.Detail = b.detail(f.Detail)
	return f
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
