package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/view"
)

// graphFlags are the flags of `runner graph`.
type graphFlags struct {
	pipelineFlags
	format, output, run string
}

func (a *app) graphCommand() *cobra.Command {
	var flags graphFlags
	cmd := &cobra.Command{
		Use:   "graph [PATH]",
		Short: "Draw the stages of a pipeline and what each waits for",
		Long: "Draw the stages of a pipeline, what each waits for, and which policy stage governs which deployer stage.\n" +
			"With --run, show what became of the stages in a run: RUN is an id, the beginning of one, or latest.\n\n" +
			"svg is a picture that needs no other program, dot is for Graphviz, and mermaid for Markdown. The ending of\n" +
			"the file after -o says which one is meant: .svg, .dot, .gv, .mmd, .mermaid, .json or .txt.",
		Example: "  runner graph\n  runner graph -o pipeline.svg\n  runner graph --run latest --format mermaid",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.output != "" && !cmd.Flags().Changed("format") {
				flags.format = formatOf(flags.output)
			}
			return a.graph(cmd.Context(), pathArgument(args), flags)
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&flags.format, "format", "text", "text, svg, dot, mermaid or json")
	cmd.Flags().StringVarP(&flags.output, "output", "o", "", "write to a `file`")
	cmd.Flags().StringVar(&flags.run, "run", "", "show what became of the stages in a `run`")
	return cmd
}

// formatOf is the format that a file's ending stands for.
func formatOf(file string) string {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".svg":
		return "svg"
	case ".dot", ".gv":
		return "dot"
	case ".mmd", ".mermaid":
		return "mermaid"
	case ".json":
		return "json"
	default:
		return "text"
	}
}

// graph draws a pipeline.
func (a *app) graph(ctx context.Context, path string, flags graphFlags) (err error) {
	switch flags.format {
	case "text", "svg", "dot", "mermaid", "json":
	default:
		return usage(fmt.Errorf("unknown format %q: use text, svg, dot, mermaid or json", flags.format))
	}
	var run *keptRun
	if flags.run != "" {
		if run, err = a.kept(ctx, flags.run); err != nil {
			return err
		}
	}
	l, err := a.loadOnce(ctx, request{path: path, flags: flags.pipelineFlags, masks: redact.New(), partial: true})
	if err != nil {
		return err
	}
	a.show(l.diags, l.source.Contents())
	if l.diags.HasErrors() {
		return errShown(exitUsage)
	}
	relations, diags := engine.Relate(l.Pipeline)
	if diags.HasErrors() {
		return a.refuse(diags, l.source.Contents())
	}
	drawn := newDrawing(l.Pipeline, relations, run)
	text, err := drawn.as(flags.format)
	if err != nil {
		return err
	}
	if flags.output != "" {
		err = writeWhole(flags.output, []byte(text))
	} else {
		a.say(text)
	}
	if run != nil {
		err = errors.Join(err, run.untrusted())
	}
	return err
}

// loadOnce loads a pipeline for a command that needs no plugin afterwards.
func (a *app) loadOnce(ctx context.Context, req request) (l *loaded, err error) {
	defer hide(req.masks, &err)
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	host, err := a.pluginHost(ctx, s, nil, req.masks)
	if err != nil {
		return nil, err
	}
	defer a.closeHost(ctx, host, &err)
	return a.load(ctx, s, host, req)
}

// as is the drawing in a format.
func (d drawing) as(format string) (string, error) {
	switch format {
	case "svg":
		return d.SVG(), nil
	case "dot":
		return d.DOT(), nil
	case "mermaid":
		return d.Mermaid(), nil
	case "json":
		var out strings.Builder
		enc := json.NewEncoder(&out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		err := enc.Encode(d.answer)
		return out.String(), err
	default:
		return view.Printable(d.Text()), nil
	}
}
