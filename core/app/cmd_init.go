package app

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/module"
	"github.com/stagegate/stagegate/core/view"
)

// initAnswer is the JSON form of an initialization.
type initAnswer struct {
	Schema int `json:"schema"`
	// LockFile is the file with the pins, which exists when there are some.
	LockFile string          `json:"lock_file"`
	Written  bool            `json:"written"`
	Modules  []module.Change `json:"modules"`
}

func (a *app) initCommand() *cobra.Command {
	var upgrade bool
	var format string
	cmd := &cobra.Command{
		Use:   "init [PATH]",
		Short: "Fetch the modules of a pipeline and pin them",
		Long: "Fetch the modules that a pipeline takes from git repositories, and pin each to a commit and to the digest of\n" +
			"its files in " + module.LockName + ", next to the pipeline. Keep that file with the pipeline.\n\n" +
			"What is pinned stays as it is, also when its tag has moved; --upgrade pins everything anew. Nothing is run.",
		Example: "  runner init\n  runner init --upgrade examples/pipelines/digits",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.initialize(cmd.Context(), pathArgument(args), upgrade, format)
		},
	}
	cmd.Flags().BoolVar(&upgrade, "upgrade", false, "pin every module anew, to what its ref means now")
	formatFlag(cmd, &format)
	return cmd
}

// initialize reads the pipeline, and fetches each module when it is met: what
// is inside a module is known only then.
func (a *app) initialize(ctx context.Context, path string, upgrade bool, format string) error {
	if err := checkFormat(format); err != nil {
		return err
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	folder := pipelineFolder(path)
	lock, err := module.ReadLock(folder)
	if err != nil {
		return usage(err)
	}
	pins := module.NewInitializer(module.InitializerOptions{
		Store: a.moduleStore(s), Lock: lock, Upgrade: upgrade,
		Progress: func(source string) { fmt.Fprintf(a.Stderr, "Fetching %s\n", view.Printable(source)) },
	})
	src, diags := config.Parse(config.Options{Path: path, RunnerVersion: Version, Modules: folders{ctx, pins.Folder}})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if diags.HasErrors() {
		return a.refuse(diags, src.Contents())
	}
	written, err := pins.Lock().Write(folder)
	if err != nil {
		return usage(err)
	}
	answer := initAnswer{Schema: view.SchemaVersion, LockFile: filepath.Join(folder, module.LockName), Written: written, Modules: pins.Changes()}
	return a.print(format, answer, func() error { return answer.print(a.Stdout) })
}

// print tells what has changed.
func (i initAnswer) print(to io.Writer) error {
	if len(i.Modules) == 0 {
		_, err := fmt.Fprintln(to, "The pipeline takes no module from a repository: there is nothing to fetch.")
		return err
	}
	for _, c := range i.Modules {
		var err error
		switch {
		case c.Action == module.Removed:
			_, err = fmt.Fprintf(to, "- %s  is not used any more\n", view.Printable(c.Source))
		case c.Action == module.Upgraded && c.Before != c.Commit:
			_, err = fmt.Fprintf(to, "~ %s  %.12s → %.12s  %s\n", view.Printable(c.Source), c.Before, c.Commit, view.Printable(c.Ref))
		case c.Action == module.Added:
			_, err = fmt.Fprintf(to, "+ %s  %.12s  %s\n", view.Printable(c.Source), c.Commit, view.Printable(c.Ref))
		default:
			_, err = fmt.Fprintf(to, "  %s  %.12s  %s\n", view.Printable(c.Source), c.Commit, view.Printable(c.Ref))
		}
		if err != nil {
			return err
		}
	}
	if !i.Written {
		_, err := fmt.Fprintf(to, "\n%s says so already.\n", i.LockFile)
		return err
	}
	_, err := fmt.Fprintf(to, "\nWrote %s. Keep it with the pipeline.\n", i.LockFile)
	return err
}
