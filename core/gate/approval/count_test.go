package approval

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

const (
	alice = "alice@example.com"
	bob   = "bob@example.com"
)

func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

func newKey(t testing.TB) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// line is a line of an allowed signers file.
func line(principals, options string, key ssh.Signer) string {
	return strings.TrimSpace(principals+" "+options) + " " + string(ssh.MarshalAuthorizedKey(key.PublicKey()))
}

func signersOf(t testing.TB, lines ...string) *Signers {
	t.Helper()
	path := filepath.Join(t.TempDir(), "allowed_signers")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := LoadSigners(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func question() Question {
	return Question{Run: "20261125-110000-aaaa", Stage: "stage.serve", Environment: "production", Plan: digest("a"), Lifetime: DefaultLifetime}
}

func statement(principal string) Statement {
	q := question()
	return Statement{
		Run: q.Run, Stage: q.Stage, Environment: q.Environment, Plan: q.Plan, Decision: digest("d"),
		Principal: principal, Verdict: Approve, Time: now.Add(-time.Hour), Expires: now.Add(time.Hour),
	}
}

func sign(t testing.TB, s Statement, key ssh.Signer) []byte {
	t.Helper()
	data, err := Sign(s, key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// names are the principals of voices.
func names(voices []Voice) []string {
	out := []string{}
	for _, v := range voices {
		out = append(out, v.Principal)
	}
	return out
}

func TestTwoPeopleCountTwice(t *testing.T) {
	t.Parallel()
	a, b := newKey(t), newKey(t)
	signers := signersOf(t, "# who may approve\n\n", line(alice, "", a), line(bob, `namespaces="git,stagegate-approval"`, b))
	later := statement(bob)
	later.Time, later.Reason = now.Add(-time.Minute), "seen it <ok>"
	tally := Count([][]byte{sign(t, later, b), sign(t, statement(alice), a)}, signers, question(), now)
	if diff := cmp.Diff([]string{alice, bob}, names(tally.Approved)); diff != "" || len(tally.Ignored) > 0 || len(tally.Rejected) > 0 {
		t.Errorf("%s%+v", diff, tally)
	}
	if got := tally.Approved[1]; got.Reason != "seen it <ok>" || got.Fingerprint != ssh.FingerprintSHA256(b.PublicKey()) || Digest(got.Vote) == "" {
		t.Errorf("voice = %+v", got)
	}
}

// Every vote of an attacker is named and does not count.
func TestVotesThatDoNotCount(t *testing.T) {
	t.Parallel()
	a, mallory := newKey(t), newKey(t)
	good := statement(alice)
	altered := func(change func(*Statement)) func() []byte {
		return func() []byte {
			s := good
			change(&s)
			return sign(t, s, a)
		}
	}
	forged := func(change func(*vote)) func() []byte {
		return func() []byte {
			var v vote
			if err := json.Unmarshal(sign(t, good, a), &v); err != nil {
				t.Fatal(err)
			}
			change(&v)
			data, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	signedFor := func(namespace string) func() []byte {
		return forged(func(v *vote) {
			sig, err := sshsig.Sign(strings.NewReader(v.Statement), a, sshsig.HashSHA512, namespace)
			if err != nil {
				t.Fatal(err)
			}
			v.Signature = string(sshsig.Armor(sig))
		})
	}
	tests := map[string]struct {
		vote    func() []byte
		options string
		change  func(*Question)
		want    string
	}{
		"another run":          {altered(func(s *Statement) { s.Run = "20261125-100000-bbbb" }), "", nil, "it is for run 20261125-100000-bbbb"},
		"another stage":        {altered(func(s *Statement) { s.Stage = "stage.other" }), "", nil, "it is for stage.other"},
		"another environment":  {altered(func(s *Statement) { s.Environment = "staging" }), "", nil, `environment "staging"`},
		"another plan":         {altered(func(s *Statement) { s.Plan = digest("b") }), "", nil, "it is for plan " + digest("b")},
		"expired":              {altered(func(s *Statement) { s.Expires = now }), "", nil, "it expired at"},
		"longer than it may":   {altered(func(s *Statement) { s.Expires = now.Add(999 * time.Hour) }), "", func(q *Question) { q.Lifetime = time.Hour }, "it expired at"},
		"from the future":      {altered(func(s *Statement) { s.Time = now.Add(2 * time.Minute) }), "", func(*Question) {}, "made in the future"},
		"a key of nobody":      {func() []byte { return sign(t, good, mallory) }, "", nil, "is not among the allowed signers"},
		"somebody else's name": {altered(func(s *Statement) { s.Principal = bob }), "", nil, `is not one of "bob@example.com"`},
		"a changed statement": {forged(func(v *vote) { v.Statement = strings.Replace(v.Statement, digest("d"), digest("e"), 1) }), "", nil,
			"its signature is wrong"},
		"another form": {forged(func(v *vote) { v.Statement = strings.Replace(v.Statement, `{"`, `{ "`, 1) }), "", nil, "its one form"},
		"another name for a field": {forged(func(v *vote) { v.Statement = strings.Replace(v.Statement, `"run"`, `"Run"`, 1) }), "", nil,
			"cannot be read"},
		"a commit's signature":   {signedFor("git"), "", nil, "its signature is wrong"},
		"no signature":           {forged(func(v *vote) { v.Signature = "" }), "", nil, "its signature cannot be read"},
		"a later version":        {forged(func(v *vote) { v.Schema = 2 }), "", nil, "version 2"},
		"nonsense":               {func() []byte { return []byte("{") }, "", nil, "cannot be read"},
		"a flood":                {func() []byte { return make([]byte, MaxVote+1) }, "", nil, "more than"},
		"a key for other things": {func() []byte { return sign(t, good, a) }, `namespaces="git"`, nil, "other namespaces"},
		"a key of yesterday":     {func() []byte { return sign(t, good, a) }, `valid-before="20261125Z"`, nil, "was valid before"},
		"a key of tomorrow":      {func() []byte { return sign(t, good, a) }, `valid-after="202611251201Z"`, nil, "is valid after"},
		"no approver":            {func() []byte { return sign(t, good, a) }, "", func(q *Question) { q.Approvers = []string{bob} }, "not among the stage's approvers"},
		"who started it":         {func() []byte { return sign(t, good, a) }, "", func(q *Question) { q.Asker = []string{"Alice"} }, "may not approve it"},
		"who started it, as a principal": {func() []byte { return sign(t, good, a) }, "", func(q *Question) { q.Asker = []string{"x", alice} },
			"may not approve it"},
		"a rejection of nobody's": {func() []byte {
			s := good
			s.Verdict = Reject
			return sign(t, s, mallory)
		}, "", nil, "is not among the allowed signers"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := question()
			if tt.change != nil {
				tt.change(&q)
			}
			tally := Count([][]byte{tt.vote()}, signersOf(t, line(alice, tt.options, a)), q, now)
			if len(tally.Approved) > 0 || len(tally.Rejected) > 0 || len(tally.Ignored) != 1 || !strings.Contains(tally.Ignored[0].Reason, tt.want) {
				t.Errorf("%+v, want %q", tally, tt.want)
			}
		})
	}
}

func TestNobodyCountsTwice(t *testing.T) {
	t.Parallel()
	a, second := newKey(t), newKey(t)
	signers := signersOf(t, line("alice@example.com,al@example.com", "", a), line("Alice@example.com", "", second), line("*@example.org", "", a))
	earlier := statement(alice)
	earlier.Time = now.Add(-2 * time.Hour)
	first := sign(t, earlier, a)
	again := statement(alice)
	again.Reason = "again"
	asAl, asAnybody, otherKey := statement("al@example.com"), statement("z@example.org"), statement("Alice@example.com")
	tally := Count([][]byte{
		first, first, sign(t, again, a), sign(t, asAl, a), sign(t, asAnybody, a), sign(t, otherKey, second),
	}, signers, question(), now)
	if len(tally.Approved) != 1 || len(tally.Ignored) != 4 {
		t.Errorf("%d count, %+v", len(tally.Approved), tally.Ignored)
	}
	for _, i := range tally.Ignored {
		if !strings.Contains(i.Reason, "counts once") {
			t.Errorf("ignored for %q", i.Reason)
		}
	}
}

// One rejection stands, whatever its author or others say before or after.
func TestRejection(t *testing.T) {
	t.Parallel()
	a, b := newKey(t), newKey(t)
	signers := signersOf(t, line(alice, "", a), line(bob, "", b))
	no := statement(bob)
	no.Verdict, no.Reason = Reject, "the p99 is off"
	regret := statement(bob)
	regret.Time = now.Add(-time.Second)
	q := question()
	q.Asker = []string{"bob"} // who may reject his own run
	tally := Count([][]byte{sign(t, statement(alice), a), sign(t, no, b), sign(t, regret, b)}, signers, q, now)
	if diff := cmp.Diff([]string{bob}, names(tally.Rejected)); diff != "" || tally.Rejected[0].Reason != "the p99 is off" {
		t.Errorf("%s%+v", diff, tally)
	}
}

func TestAllowSelf(t *testing.T) {
	t.Parallel()
	a := newKey(t)
	q := question()
	q.Asker, q.AllowSelf, q.Approvers = []string{"alice"}, true, []string{alice}
	if tally := Count([][]byte{sign(t, statement(alice), a)}, signersOf(t, line(alice, "", a)), q, now); len(tally.Approved) != 1 {
		t.Errorf("%+v", tally)
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Statement){
		"verdict":            func(s *Statement) { s.Verdict = "maybe" },
		"by digest":          func(s *Statement) { s.Plan = "sha256:abc" },
		"its principal has":  func(s *Statement) { s.Principal = "" },
		"its run has":        func(s *Statement) { s.Run = "\xff" },
		"its reason has":     func(s *Statement) { s.Reason = strings.Repeat("x", maxReason+1) },
		"ends before it beg": func(s *Statement) { s.Expires = s.Time },
	} {
		s := statement(alice)
		change(&s)
		if _, err := Sign(s, newKey(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestSignersRefuses(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	for want, text := range map[string]string{
		"names nobody":            "# nobody\n",
		"line 2: cert-authority":  "\n" + line("*@example.com", "cert-authority", key),
		"there is no option":      line(alice, "no-touch", key),
		"is not a time":           line(alice, `valid-after="soon"`, key),
		"no key behind":           "alice@example.com\n",
		"the key cannot be read":  "alice@example.com ssh-ed25519 AAAA\n",
		"namespaces is empty":     line(alice, `namespaces=""`, key),
		"more than 1048576 bytes": strings.Repeat("#", maxSigners+1),
	} {
		path := filepath.Join(t.TempDir(), "signers")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadSigners(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "signers")
	if _, err := LoadSigners(path); err == nil {
		t.Error("a file that is missing passes for one")
	}
	if err := os.WriteFile(path, []byte(line(alice, "", key)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o620); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSigners(path); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("a file that others can write counts: %v", err)
	}
}

func TestPrincipalsOfAKey(t *testing.T) {
	t.Parallel()
	a, b := newKey(t), newKey(t)
	signers := signersOf(t, line("alice@example.com,root", "", a), line("*@example.org", "", b), line("old", `valid-before="20200101"`, a))
	got, exact := signers.Principals(a.PublicKey(), now)
	if diff := cmp.Diff([]string{alice, "root"}, got); diff != "" || !exact {
		t.Errorf("%s exact: %t", diff, exact)
	}
	if got, exact := signers.Principals(b.PublicKey(), now); len(got) > 0 || exact {
		t.Errorf("%v, %t", got, exact)
	}
	for name, want := range map[string]bool{alice: true, "x@example.org": true, "x@example.net": false, "old": false} {
		if signers.Knows(name, now) != want {
			t.Errorf("knows %s: %t", name, !want)
		}
	}
}

func TestMatchList(t *testing.T) {
	t.Parallel()
	for list, cases := range map[string]map[string]bool{
		"alice@example.com":       {alice: true, "alice@example.comx": false, "ALICE@example.com": false},
		"*@example.com":           {alice: true, "@example.com": true, "alice@example.org": false},
		"*@example.com,!bob@*":    {alice: true, bob: false},
		"a?c*":                    {"abc": true, "abcdef": true, "ac": false},
		"*a*b*":                   {"xaxbx": true, "ba": false},
		strings.Repeat("*a", 100): {strings.Repeat("a", 5000) + "b": false},
	} {
		for text, want := range cases {
			if matchList(list, text) != want {
				t.Errorf("%q and %q: %t", list, text, !want)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(sign(f, statement(alice), newKey(f)))
	f.Add([]byte(`{"schema":1}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, s, _, err := open(data)
		if err == nil && s.check() != nil {
			panic(fmt.Sprintf("%q is open and says nothing", data))
		}
	})
}
