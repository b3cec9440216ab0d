package app

import (
	"context"
	"fmt"
	"io"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/config/format"
	"github.com/stagegate/stagegate/core/config/guard"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/view"
)

// fmtFlags are the flags of `runner fmt`.
type fmtFlags struct {
	check, diff, list, recursive, write bool
	format                              string
}

// fmtAnswer is the JSON form of what was formatted.
type fmtAnswer struct {
	Schema      int            `json:"schema"`
	Files       []fmtFile      `json:"files"`
	Diagnostics []diag.Message `json:"diagnostics"`
}

// fmtFile is one file that was looked at and could be formatted.
type fmtFile struct {
	Path string `json:"path"`
	// Formatted says whether it was formatted before.
	Formatted bool   `json:"formatted"`
	Written   bool   `json:"written"`
	Diff      string `json:"diff,omitempty"` // with --diff
	// Content is the formatted text of standard input, unless it is only checked.
	Content string `json:"content,omitempty"`
}

func (a *app) fmtCommand() *cobra.Command {
	var flags fmtFlags
	cmd := &cobra.Command{
		Use:   "fmt [PATH...]",
		Short: "Write pipeline files in the canonical form",
		Long: "Write .hcl files in the canonical form: indentation, alignment and blanks, labels between quotes, and\n" +
			"x instead of \"${x}\". PATH is a folder or a file; - formats standard input. The files that were not\n" +
			"formatted are listed. A file with mistakes is shown and left alone, and the others are formatted.\n" +
			"Links that lead out of the folder, read-only files and hidden ones are left alone as well.\n\n" +
			"With --check the exit code is 2 when a file is not formatted, as for every mistake in files.",
		Example: "  runner fmt\n  runner fmt --check --diff --recursive .\n  runner fmt - <pipeline.hcl",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			return a.format(cmd.Context(), flags, args)
		},
	}
	cmd.Flags().BoolVar(&flags.check, "check", false, "write nothing; the exit code says whether all files are formatted")
	cmd.Flags().BoolVar(&flags.diff, "diff", false, "show the changes as a unified diff")
	cmd.Flags().BoolVar(&flags.list, "list", true, "list the files that were not formatted")
	cmd.Flags().BoolVar(&flags.recursive, "recursive", false, "go into the folders below as well")
	cmd.Flags().BoolVar(&flags.write, "write", true, "write the files; without it, and with neither list nor diff, the text is printed")
	formatFlag(cmd, &flags.format)
	return cmd
}

// format formats what the arguments name.
func (a *app) format(ctx context.Context, flags fmtFlags, paths []string) error {
	if err := checkFormat(flags.format); err != nil {
		return err
	}
	flags.write = flags.write && !flags.check
	f := &formatter{app: a, fmtFlags: flags, seen: make(map[string]bool), sources: make(map[string][]byte)}
	f.answer = fmtAnswer{Schema: view.SchemaVersion, Files: []fmtFile{}}
	for _, path := range paths {
		var err error
		if path == "-" {
			err = f.stdin()
		} else {
			err = f.path(ctx, path)
		}
		if err != nil {
			return err
		}
	}
	f.answer.Diagnostics = f.diags.Messages()
	if flags.format == "json" {
		if err := a.print(flags.format, f.answer, nil); err != nil {
			return err
		}
	} else {
		a.show(f.diags, f.sources)
	}
	if f.diags.HasErrors() || flags.check && f.unformatted > 0 {
		return errShown(exitUsage)
	}
	return nil
}

// formatter goes through files and keeps what it finds.
type formatter struct {
	*app
	fmtFlags
	answer      fmtAnswer
	diags       diag.List
	sources     map[string][]byte // of files with mistakes
	seen        map[string]bool   // files by their resolved paths
	unformatted int
}

// stdin formats standard input to standard output.
func (f *formatter) stdin() error {
	src, err := io.ReadAll(io.LimitReader(f.Stdin, guard.MaxFileBytes+1))
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	out, ok := f.text("standard input", src)
	if !ok {
		return nil
	}
	file := f.file("standard input", src, out)
	if !f.check && !f.diff {
		file.Content = string(out)
	}
	f.answer.Files = append(f.answer.Files, file)
	if f.fmtFlags.format == "json" {
		return nil
	}
	f.say(file.Diff + file.Content)
	return nil
}

// text is the canonical form of a file, unless it has mistakes.
func (f *formatter) text(shown string, src []byte) ([]byte, bool) {
	out, diags := format.Source(shown, src)
	if len(diags) > 0 {
		f.sources[shown] = src
	}
	f.diags = append(f.diags, diags...)
	return out, !diags.HasErrors()
}

// file is what is to be said about a file that could be formatted.
func (f *formatter) file(shown string, src, out []byte) fmtFile {
	file := fmtFile{Path: shown, Formatted: string(src) == string(out)}
	if !file.Formatted {
		f.unformatted++
	}
	if f.diff && !file.Formatted {
		file.Diff = string(diff.Diff("old/"+shown, src, "new/"+shown, out))
	}
	return file
}

// report says what was done with a file.
func (f *formatter) report(file fmtFile, out []byte) {
	f.answer.Files = append(f.answer.Files, file)
	if f.fmtFlags.format == "json" {
		return
	}
	if f.list && !file.Formatted {
		fmt.Fprintln(f.Stdout, view.Printable(file.Path))
	}
	f.say(file.Diff)
	if !f.list && !f.diff && !f.write && !f.check {
		f.say(string(out))
	}
}
