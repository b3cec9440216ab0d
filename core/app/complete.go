package app

import (
	"context"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// completer suggests what may stand at a place of a command line. It is asked
// while somebody types, so it starts nothing, and says nothing when it fails.
type completer func(ctx context.Context, a *app, cmd *cobra.Command, args []string) ([]cobra.Completion, cobra.ShellCompDirective)

// completeAll gives each command its completers, by the words that the lines
// of usage are written in: a new command that uses them is completed too.
func (a *app) completeAll(cmd *cobra.Command) {
	for _, child := range cmd.Commands() {
		a.completeAll(child)
	}
	if len(cmd.ValidArgs) == 0 {
		cmd.ValidArgsFunction = a.function(func(ctx context.Context, quiet *app, cmd *cobra.Command, args []string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return argumentCompleter(cmd.Use, len(args))(ctx, quiet, cmd, args)
		})
	}
	cmd.LocalNonPersistentFlags().VisitAll(func(f *flagValue) {
		if f.Value.Type() == "bool" {
			return
		}
		// It fails for a flag that has one already, and there is none.
		_ = cmd.RegisterFlagCompletionFunc(f.Name, a.function(flagCompleter(f)))
	})
}

// function is a completer as the library wants it.
func (a *app) function(of completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx := cmd.Context()
		if ctx == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		quiet := *a
		quiet.Stdout, quiet.Stderr = io.Discard, io.Discard
		found, directive := of(ctx, &quiet, cmd, args)
		if directive&(cobra.ShellCompDirectiveFilterFileExt|cobra.ShellCompDirectiveFilterDirs) == 0 {
			found = slices.DeleteFunc(found, func(c cobra.Completion) bool { return !strings.HasPrefix(c, begun) })
		}
		return found, directive
	}
}

// argumentCompleter is that of an argument, by its word in the line of usage.
func argumentCompleter(use string, place int) completer {
	words := strings.Fields(use)[1:]
	if n := len(words); n > 0 && strings.HasSuffix(strings.Trim(words[n-1], "[]"), "...") {
		place = min(place, n-1)
	}
	if place >= len(words) {
		return completeNothing
	}
	switch strings.TrimSuffix(strings.Trim(words[place], "[]"), "...") {
	case "PATH":
		return completePipelines
	case "RUN":
		return completeRuns
	case "STAGE":
		return completeStagesOfRun
	case "COMPONENT":
		return completeComponents
	case "BUNDLE":
		return completeFiles
	case "REPOSITORY":
		return completeFolders
	default:
		return completeNothing
	}
}

// flagCompleter is that of a flag's value.
func flagCompleter(f *flagValue) completer {
	switch f.Name {
	case "format", "hook":
		return completeWords(alternatives(f.Usage))
	case "var":
		return completeVariables
	case "var-file", "output", "input", "bundle":
		return completeFiles
	case "run":
		return completeRuns
	case "target", "restart-from", "stage":
		return completeStages
	case "pipeline":
		return completePipelines
	default:
		return completeNothing
	}
}

// alternatives are the words of a list such as "text, dot or json", with which a
// flag's usage begins.
func alternatives(usage string) []string {
	list := regexp.MustCompile(`^[a-z-]+(?:, [a-z-]+)* or [a-z-]+`).FindString(usage)
	return strings.FieldsFunc(strings.ReplaceAll(list, " or ", ","), func(r rune) bool { return r == ',' || r == ' ' })
}

func completeNothing(context.Context, *app, *cobra.Command, []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func completeWords(words []string) completer {
	return func(context.Context, *app, *cobra.Command, []string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return slices.Clone(words), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

func completePipelines(context.Context, *app, *cobra.Command, []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"hcl"}, cobra.ShellCompDirectiveFilterFileExt
}

func completeFolders(context.Context, *app, *cobra.Command, []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func completeFiles(context.Context, *app, *cobra.Command, []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}
