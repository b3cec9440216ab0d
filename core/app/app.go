package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/view"
	"golang.org/x/term"
)

// Version of the runner.
const Version = "0.1.0"

// Surroundings are what a process gets from outside.
type Surroundings struct {
	Args       []string // without the program
	Stdin      io.Reader
	Stdout     io.Writer
	Stderr     io.Writer
	Environ    []string
	Executable string // path of the runner's own binary
	// Signals delivers interrupts; the second one means at once.
	Signals <-chan os.Signal
	// Journal, when it is set, stands before the journal of every run: tests see
	// and disturb what is recorded.
	Journal func(engine.Journal) engine.Journal
}

// journal is a run's journal, as the engine gets it.
func (a *app) journal(of engine.Journal) engine.Journal {
	if a.Journal == nil {
		return of
	}
	return a.Journal(of)
}

// env is a variable, or empty.
func (s Surroundings) env(name string) string {
	value, _ := s.lookupEnv(name)
	return value
}

func (s Surroundings) lookupEnv(name string) (string, bool) {
	for _, entry := range s.Environ {
		if key, value, ok := strings.Cut(entry, "="); ok && key == name {
			return value, true
		}
	}
	return "", false
}

// terminal reports whether a stream is one, and its width.
func terminal(w io.Writer) (width int, is bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, true
	}
	return width, true
}

// Main runs one command and returns the exit code.
func Main(ctx context.Context, around Surroundings) int {
	a := &app{Surroundings: around}
	ctx, stop := a.watch(ctx)
	defer stop()
	done := make(chan int, 1)
	go func() { done <- a.command(ctx) }()
	select {
	case code := <-done:
		return code
	case <-a.interrupts.overdue:
		// What still runs ends with this process: plugins notice.
		return exitInterrupted
	}
}

// command runs the command that the arguments name.
func (a *app) command(ctx context.Context) int {
	root := a.rootCommand() //nolint:contextcheck // cobra hands the context to the commands
	args := longFlags(root, a.Args)
	a.machine.reads = wantsJSON(args)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	exit, classified := errors.AsType[*exitError](err)
	switch {
	case err == nil:
		return exitDone
	case classified && exit.err == nil: // all has been said
		return exit.code
	case errors.Is(context.Cause(ctx), errInterrupted), errors.Is(err, errInterrupted):
		if !errors.Is(err, errInterrupted) || a.machine.reads {
			a.fail(err)
		}
		return exitInterrupted
	case classified:
		a.fail(err)
		return exit.code
	default:
		a.fail(err)
		return exitInternal
	}
}

// app is the command line.
type app struct {
	Surroundings
	noColor    bool
	machine    machine
	interrupts interrupts
}

// complain prints an error that has not been shown yet. Its text may hold what
// others have written.
func (a *app) complain(err error) {
	if err != nil {
		fmt.Fprintf(a.Stderr, "%s %s\n", a.palette("31", "error:"), view.Printable(err.Error()))
	}
}

// mention says on standard error what is no error. Its text may be of others.
func (a *app) mention(text string) { fmt.Fprintln(a.Stderr, view.Printable(text)) }

// closing keeps what went wrong at the end of a command, and complains at once
// when something else went wrong before.
func (a *app) closing(err *error, end error) {
	if *err != nil {
		a.complain(end)
		return
	}
	*err = end
}

// color reports whether a stream takes colour.
func (a *app) color(w io.Writer) bool {
	if a.noColor || a.env("NO_COLOR") != "" || a.env("TERM") == "dumb" {
		return false
	}
	_, is := terminal(w)
	return is
}

func (a *app) palette(code, s string) string {
	if !a.color(a.Stderr) {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "runner",
		Short: "Release models: build, test, judge and deploy them from a pipeline",
		Long: "The runner reads a pipeline written in HCL and executes its stages as plugins.\n" +
			"Nothing is deployed that a policy has not allowed, to the byte.",
		SilenceErrors:     true,
		SilenceUsage:      true,
		Version:           Version,
		Args:              knownCommand,
		RunE:              showHelp,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.PersistentFlags().BoolVar(&a.noColor, "no-color", false, "never print colours (also: NO_COLOR)")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w; see %s --help", err, cmd.CommandPath()))
	})
	root.AddCommand(
		a.runCommand(), a.resumeCommand(), a.cancelCommand(), a.planCommand(), a.validateCommand(), a.initCommand(), a.fmtCommand(),
		a.graphCommand(), a.docsCommand(), a.consoleCommand(), a.runsCommand(), a.showCommand(), a.logsCommand(), a.attestationsCommand(), a.cacheCommand(),
		a.policyCommand(), a.approveCommand(), a.rejectCommand(), a.hookCommand(), a.notifyCommand(), a.completionCommand(), a.versionCommand(),
	)
	wrapArguments(root)
	a.completeAll(root)
	return root
}

// knownCommand refuses what is no command of cmd, and suggests what is.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	const typos = 2
	cmd.SuggestionsMinimumDistance = typos
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("unknown command %q, did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return fmt.Errorf("unknown command %q", args[0])
}

func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// wrapArguments makes a wrong number of arguments a usage error.
func wrapArguments(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage(fmt.Errorf("%w; see %s --help", err, cmd.CommandPath()))
			}
			return nil
		}
	}
	for _, child := range cmd.Commands() {
		wrapArguments(child)
	}
}

// longFlags lets people write -var as well as --var, as they do elsewhere: a
// single dash before the name of a long flag counts for two.
func longFlags(root *cobra.Command, args []string) []string {
	known := make(map[string]bool)
	var collect func(*cobra.Command)
	collect = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *flagValue) { known[f.Name] = true })
		for _, child := range cmd.Commands() {
			collect(child)
		}
	}
	collect(root)
	out := make([]string, 0, len(args))
	for i, arg := range args {
		if arg == "--" {
			return append(out, args[i:]...)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && len(name) > 1 && known[name] {
			arg = "-" + arg
		}
		out = append(out, arg)
	}
	return out
}
