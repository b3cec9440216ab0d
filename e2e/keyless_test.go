package e2e_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stagegate/stagegate/plugins/build/keyless/keylesstest"
)

// signers is a Fulcio and a Rekor behind TLS, and the tokens of whom they know.
type signers struct {
	instance *keylesstest.Instance
	tokens   map[string]string // by name of the file
}

func startSigners(t *testing.T) signers {
	t.Helper()
	i := keylesstest.Start(t, keylesstest.Faults{TLS: true})
	token := func(workflow string, left time.Duration) string {
		return i.Token(t, "https://ci.example.com/"+workflow, time.Now().Add(left))
	}
	return signers{instance: i, tokens: map[string]string{
		"release": token("release", time.Hour), "fork": token("fork", time.Hour), "expired": token("release", -time.Minute),
	}}
}

// keyless writes trusted_root.json, ca.pem and tokens/{release,fork,expired}, and
// sets the variables fulcio and rekor.
func (s signers) cmdKeyless(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: keyless")
	}
	ts.Setenv("RUNNER_VAR_fulcio", s.instance.Fulcio)
	ts.Setenv("RUNNER_VAR_rekor", s.instance.Rekor)
	ts.Check(os.WriteFile(ts.MkAbs("trusted_root.json"), []byte(s.instance.Root), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), []byte(s.instance.CA), 0o600))
	ts.Check(os.MkdirAll(ts.MkAbs("tokens"), 0o700))
	for name, token := range s.tokens {
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs("tokens"), name), []byte(token), 0o600))
	}
}
