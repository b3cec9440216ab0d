package e2e_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stagegate/stagegate/sdk/decision"
)

// shown is what this package reads of `runner show --format json`.
type shown struct {
	ID     string `json:"id"`
	Stages []struct {
		Name string `json:"name"`
		Plan *struct {
			Digest      string `json:"digest"`
			Environment string `json:"environment"`
		} `json:"plan"`
		Decisions []struct {
			Verdict string `json:"verdict"`
			Digest  string `json:"digest"`
		} `json:"decisions"`
	} `json:"stages"`
}

// decision STAGE TRUST-ROOT verifies the signed decisions by which a stage's
// plan was applied, as anybody can who has the state folder. The command before
// it is `runner show --format json`.
func cmdDecision(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: decision stage trust-root, after runner show --format json")
	}
	var run shown
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &run))
	root, err := decision.LoadTrustRoot(ts.MkAbs(args[1]))
	ts.Check(err)
	verified, err := verify(run, args[0], root, filepath.Join(ts.Getenv("RUNNER_HOME"), "blobs", "sha256"))
	switch {
	case neg && err == nil:
		ts.Fatalf("the decision is believed: %s", verified)
	case neg:
		verified = err.Error()
	default:
		ts.Check(err)
	}
	_, err = fmt.Fprintln(ts.Stdout(), verified)
	ts.Check(err)
}

func verify(run shown, stage string, root decision.TrustRoot, blobs string) (string, error) {
	for _, s := range run.Stages {
		if s.Name != stage || s.Plan == nil || len(s.Decisions) == 0 {
			continue
		}
		content, err := os.ReadFile(blob(blobs, s.Plan.Digest))
		if err != nil {
			return "", err
		}
		var envelopes [][]byte
		for _, d := range s.Decisions {
			envelope, err := os.ReadFile(blob(blobs, d.Digest))
			if err != nil {
				return "", err
			}
			envelopes = append(envelopes, envelope)
		}
		decisions, err := decision.Check(root, content, envelopes, decision.Want{
			PlanDigest: s.Plan.Digest, Environment: s.Plan.Environment, Run: run.ID, Stage: "stage." + stage, Now: time.Now(),
		})
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s %d rules", decisions[0].Result, decisions[0].Rules), nil
	}
	return "", fmt.Errorf("run %s has no decision on stage %s", run.ID, stage)
}

func blob(dir, digest string) string {
	return filepath.Join(dir, strings.TrimPrefix(digest, "sha256:"))
}

// newkey PRIVATE PUBLIC makes a pair of keys as the runner does.
func cmdNewKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: newkey private public")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ts.Check(err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	block, err := decision.MarshalPublicKey(public)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), block, 0o600))
}
