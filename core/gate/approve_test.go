package gate

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/gate/approval"
	"github.com/stagegate/stagegate/core/pipeline"
	"golang.org/x/crypto/ssh"
)

var approvalTime = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// electorate is one person with a key, and a gate that asks them.
type electorate struct {
	gate  *Gate
	key   ssh.Signer
	votes [][]byte
	req   engine.ApprovalRequest
}

func newElectorate(t *testing.T, change func(*Approvals)) *electorate {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	e := &electorate{}
	if e.key, err = ssh.NewSignerFromKey(private); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "allowed_signers")
	if err := os.WriteFile(path, append([]byte("alice@example.com "), ssh.MarshalAuthorizedKey(e.key.PublicKey())...), 0o600); err != nil {
		t.Fatal(err)
	}
	approvals := Approvals{Signers: path, Votes: func(context.Context, string) ([][]byte, error) { return e.votes, nil }}
	if change != nil {
		change(&approvals)
	}
	e.gate = &Gate{opts: Options{Approvals: approvals, Now: func() time.Time { return approvalTime }}}
	e.req = engine.ApprovalRequest{
		RunID: "20261125-110000-aaaa", Actor: "robot", Environment: "production", PlanDigest: "sha256:" + strings.Repeat("a", 64),
		Stage: &pipeline.Stage{Name: "serve", Approval: &pipeline.Approval{Required: 1}},
	}
	e.vote(t, time.Hour)
	return e
}

// vote is what the person said so long ago.
func (e *electorate) vote(t *testing.T, ago time.Duration) {
	t.Helper()
	data, err := approval.Sign(approval.Statement{
		Run: e.req.RunID, Stage: "stage.serve", Environment: e.req.Environment, Plan: e.req.PlanDigest,
		Decision: "sha256:" + strings.Repeat("d", 64), Principal: "alice@example.com", Verdict: approval.Approve,
		Time: approvalTime.Add(-ago), Expires: approvalTime.Add(1000 * time.Hour),
	}, e.key)
	if err != nil {
		t.Fatal(err)
	}
	e.votes = [][]byte{data}
}

func TestApprovals(t *testing.T) {
	t.Parallel()
	e := newElectorate(t, nil)
	tally, err := e.gate.Approvals(t.Context(), e.req)
	if err != nil || len(tally.Approved) != 1 {
		t.Fatalf("%+v, %v", tally, err)
	}
	if v := tally.Approved[0]; v.Event.Principal != "alice@example.com" || v.Event.Fingerprint != ssh.FingerprintSHA256(e.key.PublicKey()) ||
		v.Event.PlanDigest != e.req.PlanDigest || v.Event.Verdict != "approve" || len(v.Vote) == 0 {
		t.Errorf("voice = %+v", v.Event)
	}
}

// An approval counts no longer than the stage and the operator let it, whatever
// it claims itself.
func TestApprovalsExpire(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ago             time.Duration
		stage, operator time.Duration
		counts          bool
	}{
		"within the default": {23 * time.Hour, 0, 0, true},
		"after the default":  {25 * time.Hour, 0, 0, false},
		"the stage's":        {2 * time.Hour, time.Hour, 0, false},
		"the operator's":     {2 * time.Hour, 100 * time.Hour, time.Hour, false},
		"longer than a day":  {48 * time.Hour, 0, 72 * time.Hour, true},
	} {
		e := newElectorate(t, func(a *Approvals) { a.Lifetime = tt.operator })
		e.req.Stage.Approval.Expires = tt.stage
		e.vote(t, tt.ago)
		tally, err := e.gate.Approvals(t.Context(), e.req)
		if err != nil || len(tally.Approved) == 1 != tt.counts {
			t.Errorf("%s: %+v, %v", name, tally, err)
		}
		if !tt.counts && (len(tally.Ignored) != 1 || !strings.Contains(tally.Ignored[0], "it expired")) {
			t.Errorf("%s: ignored %q", name, tally.Ignored)
		}
	}
}

func TestAccountsOfPrincipals(t *testing.T) {
	t.Parallel()
	for _, actor := range []string{"alice", "jdoe"} {
		e := newElectorate(t, func(a *Approvals) { a.Principals = map[string]string{"jdoe": "alice@example.com"} })
		e.req.Actor = actor
		tally, err := e.gate.Approvals(t.Context(), e.req)
		if err != nil || len(tally.Approved) != 0 || len(tally.Ignored) != 1 {
			t.Errorf("%s approves his own run: %+v, %v", actor, tally, err)
		}
	}
}

// Whatever keeps votes from being counted lets nothing through, and says why.
func TestApprovalsThatCannotBeCounted(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken store")
	for want, change := range map[string]func(*Approvals, *engine.ApprovalRequest){
		"names no allowed signers": func(a *Approvals, _ *engine.ApprovalRequest) { a.Signers = "" },
		"read allowed signers":     func(a *Approvals, _ *engine.ApprovalRequest) { a.Signers += ".gone" },
		"broken store": func(a *Approvals, _ *engine.ApprovalRequest) {
			a.Votes = func(context.Context, string) ([][]byte, error) { return nil, broken }
		},
		"it is not known who started the run": func(_ *Approvals, r *engine.ApprovalRequest) { r.Actor = "" },
		"asks for none":                       func(_ *Approvals, r *engine.ApprovalRequest) { r.Stage = &pipeline.Stage{} },
	} {
		e := newElectorate(t, nil)
		change(&e.gate.opts.Approvals, &e.req)
		if tally, err := e.gate.Approvals(t.Context(), e.req); err == nil || tally != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %+v, %v, want %q", tally, err, want)
		}
	}
}

// A key that the operator takes out of the file counts no more, though its vote
// is older.
func TestRevokedKey(t *testing.T) {
	t.Parallel()
	e := newElectorate(t, nil)
	if err := os.WriteFile(e.gate.opts.Approvals.Signers, append([]byte("bob "), ssh.MarshalAuthorizedKey(newElectorate(t, nil).key.PublicKey())...), 0o600); err != nil {
		t.Fatal(err)
	}
	tally, err := e.gate.Approvals(t.Context(), e.req)
	if err != nil || len(tally.Approved) != 0 || len(tally.Ignored) != 1 {
		t.Errorf("%+v, %v", tally, err)
	}
}
