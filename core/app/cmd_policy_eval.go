package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/explain"
	"github.com/stagegate/stagegate/core/gate"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/view"
	"github.com/zclconf/go-cty/cty"
)

// maxPolicyInput is what policies take.
const maxPolicyInput = 1 << 20

// policyEvaluation is the JSON form of a decision that was made again.
type policyEvaluation struct {
	Schema int `json:"schema"`
	explain.Explanation
	// Recorded compares it with the one on record, for a run.
	Recorded *recordedOutcome `json:"recorded,omitempty"`
}

// evalFlags say what is judged, and by what.
type evalFlags struct {
	run, stage string
	input      string
	bundle     string
	format     string
}

func (a *app) policyEvalCommand() *cobra.Command {
	var flags evalFlags
	cmd := &cobra.Command{
		Use:   "eval [RUN [STAGE]]",
		Short: "Make a decision again, from the document that was judged",
		Long: "Have the operator's policies, or those of a bundle, judge a policy input: a file, or what a run has kept. The same\n" +
			"rules say the same of the same document, to the byte: for a RUN, the outcome is compared with the recorded\n" +
			"one. Time and waivers are part of the document. Nothing is recorded or signed, so that nothing can be applied with it.\n\n" +
			"The exit code is 0 for allow, 4 for deny, 2 for what is no policy input, and 3 when it could not be evaluated or when an\n" +
			"allowing outcome differs from the recorded one.",
		Example: "  runner policy eval latest\n  runner policy eval --input input.json --bundle ./policy\n  runner policy input latest | runner policy eval --input -",
		Args:    cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				flags.run, flags.stage = args[0], second(args)
			}
			return a.policyEval(cmd.Context(), flags)
		},
	}
	cmd.Flags().StringVar(&flags.input, "input", "", "policy input to judge: a `file`, or - for standard input")
	cmd.Flags().StringVar(&flags.bundle, "bundle", "", "judge by this `bundle` of policy.opa, and not by the operator's policies")
	formatFlag(cmd, &flags.format)
	return cmd
}

func (a *app) policyEval(ctx context.Context, flags evalFlags) (err error) {
	if err := checkFormat(flags.format); err != nil {
		return err
	}
	if (flags.run == "") == (flags.input == "") {
		return usage(errors.New("name a run, or a document with --input"))
	}
	input, was, err := a.judgedBefore(ctx, flags)
	if err != nil {
		return err
	}
	d, err := a.replay(ctx, flags.bundle, input)
	if errors.Is(err, gate.ErrInput) {
		return usage(fmt.Errorf("evaluate %s: %w", flags.of(), err))
	}
	if err != nil {
		return err
	}
	e, err := explain.Explain(*d, input, nil)
	if err != nil {
		return err
	}
	answer := policyEvaluation{Schema: view.SchemaVersion, Explanation: *e}
	if was != nil {
		answer.Recorded = compareOutcomes(was.Decision, *d)
	}
	err = a.print(flags.format, answer, func() error {
		if err := a.showExplanation(e); err != nil || answer.Recorded == nil {
			return err
		}
		return answer.Recorded.text(a.Stdout)
	})
	if err != nil {
		return err
	}
	code := verdictCode(*e)
	if code == exitDone && answer.Recorded != nil && !answer.Recorded.Same {
		code = exitFailed
	}
	if code != exitDone {
		return errShown(code)
	}
	return nil
}

func (f evalFlags) of() string {
	if f.run != "" {
		return "what run " + f.run + " has kept"
	}
	return f.input
}

// judgedBefore is the document to judge, and the decision on record about it, if
// there is one.
func (a *app) judgedBefore(ctx context.Context, flags evalFlags) ([]byte, *madeDecision, error) {
	if flags.input != "" {
		data, err := a.readInput(flags.input)
		return data, nil, err
	}
	run, err := a.kept(ctx, flags.run)
	if err != nil {
		return nil, nil, err
	}
	if err := run.untrusted(); err != nil {
		return nil, nil, err
	}
	d, err := run.decision(flags.stage)
	if err != nil {
		return nil, nil, err
	}
	data, err := run.judged(d)
	if err == nil && data == nil {
		err = run.notKept(d)
	}
	return data, &d, err
}

// readInput reads a document, no further than policies would.
func (a *app) readInput(name string) ([]byte, error) {
	from := a.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usage(fmt.Errorf("read policy input: %w", err))
		}
		defer func() { _ = f.Close() }() // read only: nothing can be lost
		from = f
	}
	data, err := io.ReadAll(io.LimitReader(from, maxPolicyInput+1))
	if err != nil {
		return nil, usage(fmt.Errorf("read policy input: %w", err))
	}
	return data, nil
}

// replay has policies judge a document.
func (a *app) replay(ctx context.Context, bundle string, input []byte) (d *event.Decision, err error) {
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	masks := redact.New()
	defer hide(masks, &err)
	host, err := a.pluginHost(ctx, s, nil, masks)
	if err != nil {
		return nil, err
	}
	defer a.closeHost(ctx, host, &err)
	defer a.endAtOnce(ctx, host)()
	var g *gate.Gate
	if bundle == "" {
		g, err = a.gate(ctx, s, host, nil)
	} else {
		var only gate.Policy
		if only, err = bundlePolicy(bundle); err == nil {
			g, err = a.gateOf(s, host, nil, []gate.Policy{only})
		}
	}
	if err != nil {
		return nil, err
	}
	return g.Replay(ctx, input)
}

// bundlePolicy is policy.opa with a bundle that a user has named.
func bundlePolicy(bundle string) (gate.Policy, error) {
	if !strings.Contains(bundle, "://") {
		path, err := wholePath(bundle)
		if err != nil {
			return gate.Policy{}, usage(fmt.Errorf("find the bundle: %w", err))
		}
		bundle = path
	}
	return gate.Policy{
		Component: pipeline.ComponentRef{Plugin: "policy", Name: "opa"},
		Config:    cty.ObjectVal(map[string]cty.Value{"bundle": cty.StringVal(bundle)}),
	}, nil
}
