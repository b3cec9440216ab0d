package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/gate/approval"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
	"golang.org/x/crypto/ssh"
	"golang.org/x/term"
)

// ballot is what somebody wants to say.
type ballot struct {
	verdict approval.Verdict
	run     string
	stage   string // empty means the only one that waits
	key     string
	as      string
	reason  string
	plan    string // that is meant; empty means the one that waits
	yes     bool
	format  string
}

func (a *app) approveCommand() *cobra.Command {
	b := ballot{verdict: approval.Approve}
	cmd := &cobra.Command{
		Use:   "approve RUN [STAGE]",
		Short: "Approve what a stage of a run would apply",
		Long: "Show the plan that a stage waits with, and approve it: with your SSH key, and for that plan alone.\n" +
			"RUN is an id, the beginning of one, or latest. Once enough people have approved, go on with\n" +
			"runner resume RUN. Who may approve is in the operator's file of allowed signers.",
		Example: "  runner approve latest\n  runner approve 20261123-154210-k3x9 serve --key ~/.ssh/work.pub --reason \"canary looks good\"",
		Args:    cobra.RangeArgs(1, 2),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.vote(cmd.Context(), b.of(args)) },
	}
	b.register(cmd)
	return cmd
}

func (a *app) rejectCommand() *cobra.Command {
	b := ballot{verdict: approval.Reject}
	cmd := &cobra.Command{
		Use:   "reject RUN [STAGE]",
		Short: "Reject what a stage of a run would apply",
		Long: "Show the plan that a stage waits with, and reject it: the stage fails when the run is resumed,\n" +
			"with your reason. One rejection is enough. RUN is an id, the beginning of one, or latest.",
		Example: "  runner reject latest --reason \"not before the audit\"",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(b.reason) == "" {
				return usage(errors.New("say why: --reason \"…\""))
			}
			return a.vote(cmd.Context(), b.of(args))
		},
	}
	b.register(cmd)
	return cmd
}

func (b *ballot) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&b.key, "key", "", "SSH key to sign with: a private key `file`, or a public one whose private half your agent holds (default: ~/.ssh/id_ed25519, else the agent's)")
	cmd.Flags().StringVar(&b.as, "as", "", "your `name` in the file of allowed signers, where your key has several")
	cmd.Flags().StringVar(&b.reason, "reason", "", "what to record with it")
	cmd.Flags().StringVar(&b.plan, "plan", "", "`digest` of the plan that you mean: any other is refused")
	cmd.Flags().BoolVarP(&b.yes, "yes", "y", false, "do not ask on a terminal")
	formatFlag(cmd, &b.format)
}

func (b ballot) of(args []string) ballot {
	b.run = args[0]
	if len(args) > 1 {
		b.stage = pipeline.StageName(args[1])
	}
	return b
}

// vote shows the plan and records what is said about it.
func (a *app) vote(ctx context.Context, b ballot) error {
	if err := checkFormat(b.format); err != nil {
		return err
	}
	run, err := a.kept(ctx, b.run)
	if err != nil {
		return err
	}
	if err := run.untrusted(); err != nil {
		return err
	}
	stage, err := b.waiting(run.state)
	if err != nil {
		return usage(err)
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	v := voter{app: a, ballot: b, run: run, stage: stage, question: s.question(run, stage)}
	if s.operator.Approvals.AllowedSigners == "" {
		return usage(errors.New("nobody can approve: the operator's configuration names no allowed signers (approvals { allowed_signers = … })"))
	}
	if v.signers, err = approval.LoadSigners(s.operator.Approvals.AllowedSigners); err != nil {
		return usage(err)
	}
	return v.speak(ctx)
}

// waiting is the stage that is meant.
func (b ballot) waiting(s *runstate.RunState) (*runstate.StageState, error) {
	var all []*runstate.StageState
	var names []string
	for _, stage := range s.Stages {
		if stage.Wait != nil && stage.Wait.Approval != nil && (b.stage == "" || stage.Name == b.stage) {
			all, names = append(all, stage), append(names, stage.Name)
		}
	}
	switch {
	case len(all) == 0 && b.stage != "":
		return nil, fmt.Errorf("stage %s of run %s does not wait for approval", b.stage, s.ID)
	case len(all) == 0:
		return nil, fmt.Errorf("no stage of run %s waits for approval", s.ID)
	case len(all) > 1:
		return nil, fmt.Errorf("%d stages of run %s wait for approval: name one of %s", len(all), s.ID, strings.Join(names, ", "))
	}
	if digest := all[0].Wait.Approval.PlanDigest; b.plan != "" && b.plan != digest {
		return nil, fmt.Errorf("stage %s waits with plan %s, not with %s", all[0].Name, digest, b.plan)
	}
	return all[0], nil
}

// question is what the stage has asked.
func (s *session) question(run *keptRun, stage *runstate.StageState) approval.Question {
	asked := stage.Wait.Approval
	return s.approvals(nil).Question(engine.ApprovalRequest{
		RunID: run.state.ID, Actor: run.state.Run.Actor, Environment: asked.Environment, PlanDigest: asked.PlanDigest,
		Stage: &pipeline.Stage{Name: stage.Name, Approval: &pipeline.Approval{
			Required: asked.Required, Approvers: asked.Approvers, Expires: time.Duration(float64(asked.Lifetime) * float64(time.Second)),
		}},
	})
}

// voter is somebody who is about to speak.
type voter struct {
	*app
	ballot
	run      *keptRun
	stage    *runstate.StageState
	question approval.Question
	signers  *approval.Signers
}

func (v voter) speak(ctx context.Context) error {
	key, end, err := v.sshKey(ctx, v.key, v.signers)
	if err != nil {
		return err
	}
	defer end()
	principal, err := v.principal(key.PublicKey())
	if err != nil {
		return usage(err)
	}
	if v.ballot.format != "json" {
		if err := v.show(ctx); err != nil {
			return err
		}
	}
	if !v.confirmed(principal) {
		return usage(errors.New("nothing was recorded"))
	}
	asked, at := v.stage.Wait.Approval, now()
	signed, err := approval.Sign(approval.Statement{
		Run: v.question.Run, Stage: v.question.Stage, Environment: v.question.Environment, Plan: v.question.Plan,
		Decision: asked.DecisionDigest, Principal: principal, Verdict: v.verdict, Reason: v.reason,
		Time: at, Expires: at.Add(v.question.Lifetime),
	}, key)
	if err != nil {
		return usage(err)
	}
	if err := v.run.store.AddVote(ctx, v.run.state.ID, signed); err != nil {
		return err
	}
	return v.report(ctx, principal, key.PublicKey(), signed)
}

// show says what it is about.
func (v voter) show(ctx context.Context) error {
	tally, err := v.count(ctx)
	if err != nil {
		return err
	}
	return view.Proposal(v.Stdout, v.run.state, v.stage, principals(tally.Approved), v.color(v.Stdout))
}

// count is what has been said so far.
func (v voter) count(ctx context.Context) (approval.Tally, error) {
	votes, err := v.run.store.Votes(ctx, v.run.state.ID)
	if err != nil {
		return approval.Tally{}, err
	}
	return approval.Count(votes, v.signers, v.question, now()), nil
}

// principal is the name under which the key speaks, once it is certain that the
// voice will count.
func (v voter) principal(key ssh.PublicKey) (string, error) {
	name := v.as
	if name == "" {
		names, exact := v.signers.Principals(key, now())
		switch {
		case len(names) == 1 && exact:
			name = names[0]
		case len(names) == 0 && exact:
			return "", fmt.Errorf("key %s is not among the allowed signers", ssh.FingerprintSHA256(key))
		default:
			return "", fmt.Errorf("key %s has several names among the allowed signers: say which with --as %s", ssh.FingerprintSHA256(key), strings.Join(append(names, "…"), "|"))
		}
	}
	if err := v.signers.Permits(key, name, now()); err != nil {
		return "", err
	}
	return name, v.question.Admits(name, v.verdict)
}

// confirmed asks, where there is somebody to ask.
func (v voter) confirmed(principal string) bool {
	in, ok := v.Stdin.(*os.File)
	if v.yes || v.ballot.format == "json" || !ok || !term.IsTerminal(int(in.Fd())) {
		return true
	}
	fmt.Fprintf(v.Stderr, "%s as %s? [y/N] ", capital(string(v.verdict)), view.Printable(principal))
	var answer string
	_, _ = fmt.Fscanln(in, &answer) // no answer is no
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// voteReport is the JSON form of what was recorded.
type voteReport struct {
	Schema      int      `json:"schema"`
	Run         string   `json:"run"`
	Stage       string   `json:"stage"`
	PlanDigest  string   `json:"plan_digest"`
	Verdict     string   `json:"verdict"`
	Principal   string   `json:"principal"`
	Fingerprint string   `json:"fingerprint"`
	Digest      string   `json:"digest"` // of the signed vote
	Required    int      `json:"required"`
	Approved    []string `json:"approved"`
	Rejected    []string `json:"rejected"`
	Ignored     []string `json:"ignored"`
	Enough      bool     `json:"enough"` // the stage can go on
}

// report says where the stage stands now.
func (v voter) report(ctx context.Context, principal string, key ssh.PublicKey, signed []byte) error {
	tally, err := v.count(ctx)
	if err != nil {
		return err
	}
	asked := v.stage.Wait.Approval
	r := voteReport{
		Schema: view.SchemaVersion, Run: v.run.state.ID, Stage: v.stage.Name, PlanDigest: asked.PlanDigest,
		Verdict: string(v.verdict), Principal: principal, Fingerprint: ssh.FingerprintSHA256(key), Digest: approval.Digest(signed),
		Required: asked.Required, Approved: principals(tally.Approved), Rejected: principals(tally.Rejected), Ignored: []string{},
		Enough: len(tally.Approved) >= asked.Required && len(tally.Rejected) == 0,
	}
	for _, i := range tally.Ignored {
		r.Ignored = append(r.Ignored, i.String())
	}
	return v.print(v.ballot.format, r, func() error { return v.say(r) })
}

func principals(voices []approval.Voice) []string {
	out := []string{}
	for _, voice := range voices {
		out = append(out, voice.Principal)
	}
	return out
}

func (v voter) say(r voteReport) error {
	var b strings.Builder
	for _, ignored := range r.Ignored {
		fmt.Fprintf(&b, "warning: %s\n", ignored)
	}
	next := "Go on with: runner resume " + r.Run
	if v.run.history.Live {
		next = "The run waits for it, and goes on."
	}
	switch {
	case len(r.Rejected) > 0:
		fmt.Fprintf(&b, "Rejected by %s: the stage will fail. %s\n", strings.Join(r.Rejected, ", "), next)
	case r.Enough:
		fmt.Fprintf(&b, "Approved by %s: enough. %s\n", strings.Join(r.Approved, ", "), next)
	default:
		fmt.Fprintf(&b, "Approved by %s: %d of %d.\n", strings.Join(r.Approved, ", "), len(r.Approved), r.Required)
	}
	_, err := fmt.Fprint(v.Stdout, view.Printable(b.String()))
	return err
}
