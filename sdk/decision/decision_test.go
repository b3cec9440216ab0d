package decision

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func digestOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// testKey is the same key for the same seed, so that failures repeat.
func testKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func testRoot(t *testing.T, keys ...ed25519.PrivateKey) TrustRoot {
	t.Helper()
	var public []ed25519.PublicKey
	for _, k := range keys {
		public = append(public, k.Public().(ed25519.PublicKey))
	}
	root, err := NewTrustRoot(public...)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func testDecision() Decision {
	return Decision{
		Result: Passed, PlanDigest: digestOf("plan"), Environment: "production",
		Run: "r1", Stage: "stage.serve", Nonce: "r1/serve", Verifier: "0.1.0",
		Decided: testNow, Expires: testNow.Add(time.Hour), InputDigest: digestOf("input"),
		Policies: []Policy{{Component: "policy.opa", Bundle: "builtin", Revision: "1", Digest: digestOf("bundle")}},
		Rules:    14, Warnings: 1,
	}
}

func testWant() Want {
	return Want{
		PlanDigest: digestOf("plan"), Environment: "production", Run: "r1",
		Stage: "stage.serve", Nonce: "r1/serve", Now: testNow.Add(time.Minute),
	}
}

func mustSign(t *testing.T, key ed25519.PrivateKey, d Decision) []byte {
	t.Helper()
	data, err := Sign(key, d)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// resign signs any payload, as an attacker with the key of another tool could.
func resign(t *testing.T, key ed25519.PrivateKey, payload []byte) []byte {
	t.Helper()
	id, err := KeyID(key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(envelope{
		PayloadType: PayloadType,
		Payload:     base64.StdEncoding.EncodeToString(payload),
		Signatures:  []signature{{KeyID: id, Sig: base64.StdEncoding.EncodeToString(ed25519.Sign(key, pae(PayloadType, payload)))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func payloadOf(t *testing.T, data []byte) string {
	t.Helper()
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

func TestSignedDecisionComesBack(t *testing.T) {
	t.Parallel()
	key := testKey(1)
	got, err := Verify(mustSign(t, key, testDecision()), testRoot(t, key), testWant())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(testDecision(), got); diff != "" {
		t.Errorf("decision changed on its way (-want +got):\n%s", diff)
	}
}

// The encoding is the one of the DSSE specification's own example.
func TestPAE(t *testing.T) {
	t.Parallel()
	got := string(pae("http://example.com/HelloWorld", []byte("hello world")))
	if want := "DSSEv1 29 http://example.com/HelloWorld 11 hello world"; got != want {
		t.Errorf("pae = %q, want %q", got, want)
	}
}

func TestStatementHasTheShapeOfAVerificationSummary(t *testing.T) {
	t.Parallel()
	var got map[string]any
	if err := json.Unmarshal([]byte(payloadOf(t, mustSign(t, testKey(1), testDecision()))), &got); err != nil {
		t.Fatal(err)
	}
	predicate, _ := got["predicate"].(map[string]any)
	for _, name := range []string{"verifier", "timeVerified", "resourceUri", "policy", "verificationResult", "verifiedLevels", "slsaVersion"} {
		if predicate[name] == nil {
			t.Errorf("predicate has no %s", name)
		}
	}
	if got["_type"] != StatementType || got["predicateType"] != PredicateType {
		t.Errorf("types are %v and %v", got["_type"], got["predicateType"])
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	key := testKey(1)
	signed := func(change func(*Decision)) func(*testing.T) []byte {
		return func(t *testing.T) []byte {
			t.Helper()
			d := testDecision()
			change(&d)
			return mustSign(t, key, d)
		}
	}
	payload := func(old, replacement string) func(*testing.T) []byte {
		return func(t *testing.T) []byte {
			t.Helper()
			was := payloadOf(t, mustSign(t, key, testDecision()))
			now := strings.Replace(was, old, replacement, 1)
			if now == was {
				t.Fatalf("payload has no %q: %s", old, was)
			}
			return resign(t, key, []byte(now))
		}
	}
	raw := func(change func(string) string) func(*testing.T) []byte {
		return func(t *testing.T) []byte {
			t.Helper()
			return []byte(change(string(mustSign(t, key, testDecision()))))
		}
	}
	tests := map[string]struct {
		envelope func(*testing.T) []byte
		want     error
	}{
		"another plan":       {signed(func(d *Decision) { d.PlanDigest = digestOf("other") }), ErrPlanDigest},
		"other environment":  {signed(func(d *Decision) { d.Environment = "staging" }), ErrEnvironment},
		"no environment":     {signed(func(d *Decision) { d.Environment = "" }), ErrEnvironment},
		"other run":          {signed(func(d *Decision) { d.Run = "r2" }), ErrRun},
		"other stage":        {signed(func(d *Decision) { d.Stage = "stage.other" }), ErrRun},
		"other nonce":        {signed(func(d *Decision) { d.Nonce = "r2/serve" }), ErrRun},
		"denied":             {signed(func(d *Decision) { d.Result = Denied }), ErrNotPassed},
		"expired":            {signed(func(d *Decision) { d.Expires = testNow.Add(time.Minute) }), ErrExpired},
		"from the future":    {signed(func(d *Decision) { d.Decided = testNow.Add(time.Minute + Skew + 1) }), ErrNotYetValid},
		"unknown result":     {payload(`"PASSED"`, `"passed"`), ErrMalformed},
		"no rule":            {payload(`"rules":14`, `"rules":0`), ErrMalformed},
		"policy left out":    {payload(`"revision":"1"`, `"revision":"2"`), ErrMalformed},
		"name twice":         {payload(`"rules":14`, `"rules":14,"environment":"staging"`), ErrMalformed},
		"name in other case": {payload(`"rules":14`, `"rules":14,"Environment":"staging"`), ErrMalformed},
		"other statement":    {payload(StatementType, "https://in-toto.io/Statement/v0.1"), ErrMalformed},
		"other predicate":    {payload(PredicateType, "https://slsa.dev/provenance/v1"), ErrMalformed},
		"other verifier":     {payload(VerifierID, "https://example.com/gate"), ErrMalformed},
		"second subject":     {payload(`"subject":[`, `"subject":[{"name":"x","digest":{"sha256":"00"}},`), ErrMalformed},
		"short digest":       {payload(digestOf("plan")[7:]+`"}}]`, `abc"}}]`), ErrMalformed},
		"payload is no JSON": {func(t *testing.T) []byte { t.Helper(); return resign(t, key, []byte("yes")) }, ErrMalformed},
		"deep payload":       {func(t *testing.T) []byte { t.Helper(); return resign(t, key, []byte(strings.Repeat("[", 99))) }, ErrMalformed},
		"unknown key":        {func(t *testing.T) []byte { t.Helper(); return mustSign(t, testKey(9), testDecision()) }, ErrUnknownKey},
		"tampered signature": {raw(func(s string) string { return strings.Replace(s, `"sig":"`, `"sig":"AAAA`, 1) }), ErrBadSignature},
		"tampered payload":   {raw(func(s string) string { return strings.Replace(s, `"payload":"eyJfd`, `"payload":"eyJfe`, 1) }), ErrBadSignature},
		"other payload type": {raw(func(s string) string { return strings.Replace(s, "in-toto", "other", 1) }), ErrMalformed},
		"payload twice":      {raw(func(s string) string { return strings.Replace(s, `{`, `{"payload":"e30=",`, 1) }), ErrMalformed},
		"no signature":       {raw(func(s string) string { return s[:strings.Index(s, `"signatures"`)] + `"signatures":[]}` }), ErrMalformed},
		"payload not base64": {raw(func(s string) string { return strings.Replace(s, `"payload":"`, `"payload":"!`, 1) }), ErrMalformed},
		"trailing data":      {raw(func(s string) string { return s + "{}" }), ErrMalformed},
		"truncated":          {raw(func(s string) string { return s[:len(s)/2] }), ErrMalformed},
		"invalid UTF-8":      {raw(func(s string) string { return s + "\xff" }), ErrMalformed},
		"oversize":           {raw(func(s string) string { return s + strings.Repeat(" ", MaxEnvelope) }), ErrMalformed},
		"empty":              {raw(func(string) string { return "" }), ErrMalformed},
		"many signatures": {raw(func(s string) string {
			return strings.Replace(s, `"signatures":[`, `"signatures":[`+strings.Repeat(`{},`, 8), 1)
		}), ErrMalformed},
		"wrong type":     {raw(func(string) string { return `["payload"]` }), ErrMalformed},
		"unknown key id": {raw(func(s string) string { return strings.ReplaceAll(s, `"keyid":"`, `"keyid":"0`) }), ErrUnknownKey},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Verify(test.envelope(t), testRoot(t, key), testWant())
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestVerifyTakesWhatDSSEAllows(t *testing.T) {
	t.Parallel()
	key := testKey(1)
	data := mustSign(t, key, testDecision())
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		t.Fatal(err)
	}
	e.Payload = base64.URLEncoding.EncodeToString(payload)
	e.Signatures = append([]signature{{KeyID: "somebody else", Sig: "AAAA"}}, e.Signatures...)
	data, err = json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(data, testRoot(t, testKey(2), key), testWant()); err != nil {
		t.Errorf("URL alphabet, a second signature and a second key: %v", err)
	}
}

func TestTimeLimitsAreExact(t *testing.T) {
	t.Parallel()
	key := testKey(1)
	data, root := mustSign(t, key, testDecision()), testRoot(t, key)
	for offset, want := range map[time.Duration]error{
		-Skew - 1: ErrNotYetValid, -Skew: nil, time.Hour - 1: nil, time.Hour: ErrExpired,
	} {
		w := testWant()
		w.Now = testNow.Add(offset)
		if _, err := Verify(data, root, w); !errors.Is(err, want) {
			t.Errorf("at %v: got %v, want %v", offset, err, want)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	changes := map[string]func(*Decision){
		"no result":         func(d *Decision) { d.Result = "" },
		"no plan":           func(d *Decision) { d.PlanDigest = "" },
		"upper-case digest": func(d *Decision) { d.PlanDigest = strings.ToUpper(d.PlanDigest) },
		"odd input digest":  func(d *Decision) { d.InputDigest = "md5:1" },
		"no expiry":         func(d *Decision) { d.Expires = time.Time{} },
		"expires at once":   func(d *Decision) { d.Expires = d.Decided },
		"no rules":          func(d *Decision) { d.Rules = 0 },
		"no policy":         func(d *Decision) { d.Policies = nil },
		"policy undigested": func(d *Decision) { d.Policies = []Policy{{Component: "policy.opa"}} },
	}
	for name, change := range changes {
		d := testDecision()
		change(&d)
		if _, err := Sign(testKey(1), d); !errors.Is(err, ErrUnsignable) {
			t.Errorf("%s: got %v, want %v", name, err, ErrUnsignable)
		}
	}
	if _, err := Sign(nil, testDecision()); !errors.Is(err, ErrUnsignable) {
		t.Errorf("no key: got %v, want %v", err, ErrUnsignable)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	key := testKey(1)
	root, good := testRoot(t, key), mustSign(t, key, testDecision())
	if got, err := Check(root, []byte("plan"), [][]byte{good}, testWant()); err != nil || len(got) != 1 {
		t.Fatalf("good decision: %v, %v", got, err)
	}
	tests := map[string]struct {
		content   string
		envelopes [][]byte
		want      error
	}{
		"swapped plan":         {"other plan", [][]byte{good}, ErrPlanTampered},
		"no decision":          {"plan", nil, ErrMissing},
		"one good, one broken": {"plan", [][]byte{good, []byte("{}")}, ErrMalformed},
		"too many":             {"plan", make([][]byte, maxEnvelopes+1), ErrMalformed},
	}
	for name, test := range tests {
		if _, err := Check(root, []byte(test.content), test.envelopes, testWant()); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	if _, err := Check(TrustRoot{}, []byte("plan"), [][]byte{good}, testWant()); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("empty trust root: got %v, want %v", err, ErrUnknownKey)
	}
}

func FuzzVerify(f *testing.F) {
	key := testKey(1)
	root, err := NewTrustRoot(key.Public().(ed25519.PublicKey))
	if err != nil {
		f.Fatal(err)
	}
	good, err := Sign(key, testDecision())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"payloadType":"` + PayloadType + `","payload":"e30=","signatures":[{"keyid":"","sig":""}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		// Whatever is let through says what the good one says.
		if got, err := Verify(data, root, testWant()); err == nil && !cmp.Equal(got, testDecision()) {
			t.Errorf("accepted %q as %+v", data, got)
		}
	})
}
