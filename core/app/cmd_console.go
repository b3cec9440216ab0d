package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/config/guard"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/view"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"golang.org/x/term"
)

// prompt stands before what is typed on a terminal.
const prompt = "> "

func (a *app) consoleCommand() *cobra.Command {
	var flags consoleFlags
	cmd := &cobra.Command{
		Use:   "console [PATH]",
		Short: "Evaluate expressions of a pipeline",
		Long: "Evaluate expressions with the variables, locals and modules of a pipeline: one a line, typed on a\n" +
			"terminal or read from standard input. What stages make is unknown, or, with --run, what they have\n" +
			"made in that run. Secrets are not read. Ctrl-D or exit ends.\n\n" +
			"Exit code 2 says that an expression that was read had a mistake.",
		Example: "  runner console\n  echo 'keys(var.sizes)' | runner console examples/pipelines/matrix\n  runner console --run latest",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.console(cmd.Context(), pathArgument(args), flags)
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&flags.run, "run", "", "what stages have made in this `RUN`: an id, the beginning of one, or latest")
	formatFlag(cmd, &flags.format)
	return cmd
}

type consoleFlags struct {
	pipelineFlags
	run    string
	format string
}

// evaluation is the JSON form of one answer.
type evaluation struct {
	Schema      int             `json:"schema"`
	Expression  string          `json:"expression"`
	Value       json.RawMessage `json:"value,omitempty"`
	Type        string          `json:"type,omitempty"`
	Sensitive   bool            `json:"sensitive,omitempty"`
	Unknown     bool            `json:"unknown,omitempty"` // it, or a part of it
	Diagnostics []diag.Message  `json:"diagnostics,omitempty"`
}

func (a *app) console(ctx context.Context, path string, flags consoleFlags) error {
	if err := checkFormat(flags.format); err != nil {
		return err
	}
	l, err := a.loadOnce(ctx, request{path: path, flags: flags.pipelineFlags, masks: redact.New(), partial: true})
	if err != nil {
		return err
	}
	if a.show(l.diags, l.source.Contents()); l.diags.HasErrors() {
		return errShown(exitUsage)
	}
	outputs, err := a.recordedOutputs(ctx, flags.run, l)
	if err != nil {
		return err
	}
	s := &questions{app: a, loaded: l, outputs: outputs, format: flags.format}
	if in, ok := a.Stdin.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		return s.converse(in)
	}
	return s.read(ctx, a.Stdin)
}

// recordedOutputs are what the stages have made in a run.
func (a *app) recordedOutputs(ctx context.Context, argument string, l *loaded) (map[string]cty.Value, error) {
	if argument == "" {
		return nil, nil
	}
	run, err := a.kept(ctx, argument)
	if err != nil {
		return nil, err
	}
	outputs := make(map[string]cty.Value)
	for _, stage := range l.Pipeline.Stages {
		was := run.state.Stage(stage.Name)
		if was == nil || was.Finish == nil || was.Finish.Status != event.Succeeded || stage.Schema == nil {
			continue
		}
		if v, err := engine.RecordedOutputs(stage.Schema, was.Finish); err == nil { // otherwise the component has changed since
			outputs[stage.Name] = v
		}
	}
	return outputs, run.untrusted()
}

// questions are the expressions of one session.
type questions struct {
	*app
	loaded  *loaded
	outputs map[string]cty.Value
	format  string
	asked   int
	wrong   bool // one had a mistake
}

// read answers lines until there are no more.
func (q *questions) read(ctx context.Context, from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, guard.MaxFileBytes)
	for lines.Scan() {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := q.answer(lines.Text()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return usage(fmt.Errorf("read expressions: %w", err))
	}
	if q.wrong {
		return errShown(exitUsage)
	}
	return nil
}

// converse answers what is typed, with editing and a history. A mistake in an
// expression does not matter afterwards.
func (q *questions) converse(in *os.File) (err error) {
	state, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("prepare terminal: %w", err)
	}
	defer func() { err = errors.Join(err, term.Restore(int(in.Fd()), state)) }()
	screen := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, q.Stdout}, prompt)
	// Lines end with CR LF while the terminal is raw, which the terminal knows.
	plain := *q.app
	plain.Stdout, plain.Stderr = screen, screen
	q.app = &plain
	for {
		line, err := screen.ReadLine()
		switch {
		case errors.Is(err, io.EOF), strings.TrimSpace(line) == "exit":
			return nil
		case err != nil && !errors.Is(err, term.ErrPasteIndicator):
			return fmt.Errorf("read expression: %w", err)
		}
		if err := q.answer(line); err != nil {
			return err
		}
	}
}

// answer evaluates one line.
func (q *questions) answer(line string) error {
	if line = strings.TrimSpace(line); line == "" {
		return nil
	}
	q.asked++
	name := fmt.Sprintf("expression %d", q.asked)
	v, diags := q.loaded.Evaluate(name, line, q.outputs)
	q.wrong = q.wrong || diags.HasErrors()
	if q.format == "json" {
		return q.encode(line, v, diags)
	}
	if len(diags) > 0 {
		sources := maps.Clone(q.loaded.source.Contents())
		sources[name] = []byte(line)
		q.show(diags, sources)
	}
	if diags.HasErrors() {
		return nil
	}
	_, err := fmt.Fprintln(q.Stdout, view.Printable(view.Value(v)))
	return err
}

func (q *questions) encode(line string, v cty.Value, diags diag.List) error {
	q.machine.answered = true
	out := evaluation{Schema: view.SchemaVersion, Expression: line}
	switch {
	case diags.HasErrors():
		out.Diagnostics = diags.Messages()
	case v.ContainsMarked():
		out.Sensitive = true
	case !v.IsWhollyKnown():
		out.Unknown, out.Type = true, typeexpr.TypeString(v.Type())
	default:
		data, err := ctyjson.Marshal(v, v.Type())
		if err != nil {
			return fmt.Errorf("encode value: %w", err)
		}
		out.Value, out.Type = data, typeexpr.TypeString(v.Type())
	}
	enc := json.NewEncoder(q.Stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}
