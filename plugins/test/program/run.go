package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"

	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/process"
)

// Run runs the stage's command with more variables on top. The error is a
// *sdk.Failure when the command could not be started; how it ended is in Exit.
func Run(ctx context.Context, req sdk.Request, more map[string]string, stdout, stderr io.Writer) (process.Exit, error) {
	c := req.Config
	dir, err := local(req.Attempt.WorkDir, c.String("dir"))
	if err == nil {
		var info os.FileInfo
		if info, err = os.Stat(dir); err == nil && !info.IsDir() {
			err = errors.New("it is not a folder")
		}
	}
	if err != nil {
		return process.Exit{}, &sdk.Failure{
			Summary: fmt.Sprintf("The folder %q cannot be entered", c.String("dir")),
			Detail:  "An earlier stage must have made it, or it must be part of the tree.",
			Class:   "dir_missing", Broken: true, Cause: err,
		}
	}
	env := c.StringMap("env")
	if env == nil {
		env = make(map[string]string)
	}
	maps.Copy(env, more)
	exit, err := process.Run(ctx, process.Command{
		Args: c.Strings("command"), Dir: dir, Env: env,
		AttemptID: req.Attempt.ID, Stdout: stdout, Stderr: stderr,
	})
	if start, ok := errors.AsType[*process.StartError](err); ok {
		return exit, &sdk.Failure{
			Summary: fmt.Sprintf("The command %q cannot be started", start.Program),
			Detail:  "Is it installed and in PATH? A program of your own needs a slash in its name, as in \"./evaluate\", and the mode bit to be run.",
			Class:   "command_not_started", Broken: true, Cause: err,
		}
	}
	return exit, err
}

// Failed is how a command with a bad exit ended; nil when it ended well.
func Failed(exit process.Exit) *sdk.Failure {
	switch {
	case exit.Signal != "":
		return &sdk.Failure{
			Summary: fmt.Sprintf("The command was ended by a signal (%s)", exit.Signal),
			Detail:  "Somebody stopped it, or the system did, for example for want of memory. Its output is in the stage's log.",
			Class:   "command_failed", ExitCode: exit.Code,
		}
	case exit.Code != 0:
		return &sdk.Failure{
			Summary: fmt.Sprintf("The command ended with exit code %d", exit.Code),
			Detail:  "Its output is in the stage's log.",
			Class:   "command_failed", ExitCode: exit.Code,
		}
	}
	return nil
}
