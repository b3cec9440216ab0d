package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/preview"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// The kinds by the names that people see.
const (
	builderKind  = "builder"
	testerKind   = "tester"
	policyKind   = "policy"
	deployerKind = "deployer"
)

// foresee says what becomes of a stage whose needs have been foreseen.
func (v *previewer) foresee(ctx context.Context, s *stage) {
	f := &foreseen{stage: s, out: v.definition(s)}
	v.seen[s.Name] = f
	v.order = append(v.order, f)
	v.byNeeds(f)
	if f.out.Action == preview.Skip {
		return
	}
	values, unmet, diags := v.foresight.Foresee(s.Stage, v.outputsFor(s))
	if diags.HasErrors() {
		v.refused(s, diags)
		f.root = s.Address() + " could not be run"
		f.say("its configuration is not valid")
		return
	}
	if v.byWhen(f, values); f.out.Action == preview.Skip {
		return
	}
	if f.out.Action == preview.Run && len(unmet) > 0 {
		for _, d := range unmet {
			v.showDiagnostic(s, d)
		}
		f.root = s.Address() + " failed"
		f.say("a precondition does not hold")
		return
	}
	f.out.Arguments = v.arguments(s, values.With)
	v.environment(f, values.Environment)
	f.settled = settled(f.out.Arguments, f.out.Environment)
	f.awaits = awaits(f.out.Arguments, f.out.Environment)
	v.byOutputs(f)
	v.byCache(ctx, f)
	v.configurePolicy(ctx, f)
}

// definition is what the pipeline says about the stage in any case.
func (v *previewer) definition(s *stage) *preview.Stage {
	out := &preview.Stage{
		Name: s.Name, Address: s.Address(), Uses: s.Component.String(), Kind: kindName(s.kind),
		Needs: s.Needs, Secrets: s.Secrets, Limits: limits(s.Stage),
	}
	for _, d := range s.governs {
		out.Judges = append(out.Judges, d.Name)
	}
	for _, g := range s.governors {
		out.JudgedBy = append(out.JudgedBy, g.Name)
	}
	return out
}

func limits(s *pipeline.Stage) preview.Limits {
	out := preview.Limits{Timeout: seconds(s.Timeout)}
	if s.Retry.Attempts > 1 {
		out.Retry = &preview.Retry{Attempts: s.Retry.Attempts, Backoff: seconds(s.Retry.Backoff)}
	}
	if c := s.Concurrency; c.Group != "" {
		out.Concurrency = &preview.Concurrency{Group: c.Group, Mode: "queue"}
		if c.CancelOlder {
			out.Concurrency.Mode = "cancel_older"
		}
	}
	if a := s.Approval; a != nil {
		out.Approval = &preview.Approval{Required: a.Required, Approvers: a.Approvers, Expires: seconds(a.Expires)}
	}
	return out
}

// byNeeds decides by the run mode and by what is known of the needs.
func (v *previewer) byNeeds(f *foreseen) {
	for _, g := range f.governors {
		if root := v.seen[g.Name].root; root != "" {
			f.skip(root, root)
			return
		}
	}
	root, doubt := "", false
	for _, name := range v.graph.Needs(f.Name) {
		need := v.seen[name]
		if root == "" {
			root = need.root
		}
		doubt = doubt || need.out.Action == preview.Run || need.out.Action == preview.Undecided
	}
	switch {
	case f.Run == pipeline.Always:
		f.be(preview.Run, "it runs whatever becomes of what it needs")
	case f.Run == pipeline.OnSuccess && root != "":
		f.skip(root, root)
	case f.Run == pipeline.OnSuccess:
		f.be(preview.Run, v.turn(f))
	case f.Run == pipeline.OnFailure && root != "":
		f.be(preview.Run, root)
	case f.Run == pipeline.OnFailure && !doubt:
		f.skip("nothing that it needs can fail", "")
	default:
		f.be(preview.Undecided, runsWhen(f.Run))
	}
}

// runsWhen says what a run mode waits for.
func runsWhen(mode pipeline.RunMode) string {
	switch mode {
	case pipeline.OnFailure:
		return "it runs when something that it needs has failed"
	case pipeline.OnChanged:
		return "it runs when what it needs comes to another end than in the last run"
	case pipeline.OnFixed:
		return "it runs when what it needs succeeds, and did not in the last run"
	case pipeline.OnRegression:
		return "it runs when something that it needs fails, and nothing did in the last run"
	default:
		return "it is decided during the run"
	}
}

// turn says when a stage's turn is.
func (v *previewer) turn(f *foreseen) string {
	var after []string
	for _, name := range v.graph.Needs(f.Name) {
		if v.seen[name].out.Action != preview.Skip && v.seen[name].out.Action != preview.Cached {
			after = append(after, pipeline.StageAddress(name))
		}
	}
	switch {
	case f.kind == pluginv1.Kind_KIND_POLICY && len(f.governs) > 0:
		return "it judges what " + listed(addresses(f.governs), "and") + " would apply"
	case len(after) == 0:
		return "nothing keeps it waiting"
	default:
		return "after " + listed(after, "and")
	}
}

// byWhen decides by the stage's condition.
func (v *previewer) byWhen(f *foreseen, values pipeline.Foreseen) {
	if values.When == cty.NilVal {
		return
	}
	bare, _ := values.When.Unmark()
	if bare.IsKnown() {
		why := fmt.Sprintf("when = %s is %t", v.clean(values.WhenText, maxLine), bare.True())
		if bare.False() {
			f.skip(why, "")
			return
		}
		f.say(why)
		return
	}
	f.out.Action = preview.Undecided
	f.say(fmt.Sprintf("when = %s depends on %s", v.clean(values.WhenText, maxLine), listed(origins(values.When), "and")))
}

// byOutputs decides by what becomes of the stages whose outputs are used.
func (v *previewer) byOutputs(f *foreseen) {
	for _, name := range f.awaits {
		used := v.seen[name]
		if used == nil {
			continue
		}
		switch used.out.Action {
		case preview.Skip:
			f.skip("it uses outputs of "+used.Address()+", which is skipped", "")
			return
		case preview.Undecided:
			f.out.Action = preview.Undecided
			f.say("it uses outputs of " + used.Address() + ", of which it is not known whether it runs")
		default:
		}
	}
}

func (v *previewer) environment(f *foreseen, value cty.Value) {
	if value == cty.NilVal {
		return
	}
	if args := v.flatten("environment", value, trail{}, nil); len(args) == 1 {
		f.out.Environment = &args[0]
	}
}

func (f *foreseen) be(action preview.Action, reason string) {
	f.out.Action = action
	f.say(reason)
}

// say adds to the reason.
func (f *foreseen) say(reason string) {
	if f.out.Reason == "" {
		f.out.Reason = reason
		return
	}
	f.out.Reason += "; " + reason
}

func (f *foreseen) skip(reason, root string) {
	f.out.Action, f.out.Reason, f.root = preview.Skip, reason, root
	f.out.Arguments, f.out.Environment = nil, nil
}

// fail says that the stage would fail, and why those after it would not run.
func (f *foreseen) fail(finish *event.Finish, root, reason string) {
	f.failure, f.root = finish.Failure, root
	f.say(reason)
}

func addresses(stages []*stage) []string {
	out := make([]string, len(stages))
	for i, s := range stages {
		out[i] = s.Address()
	}
	return out
}

// listed is a list for people; a long one is cut.
func listed(names []string, and string) string {
	const most = 6
	if more := len(names) - most; more > 0 {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("%d more", more))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " " + and + " " + names[len(names)-1]
}
