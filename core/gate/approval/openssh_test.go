package approval

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// keygen is the real ssh-keygen. Without it the test is skipped, unless
// STAGEGATE_REQUIRE_SSH is set.
func keygen(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("ssh-keygen")
	if err != nil {
		if os.Getenv("STAGEGATE_REQUIRE_SSH") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no ssh-keygen: ", err)
	}
	return path
}

func sshKeygen(t *testing.T, stdin string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), keygen(t), args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// What is signed here, ssh-keygen verifies, and the other way round, for the
// kinds of keys that people have.
func TestOpenSSHAgrees(t *testing.T) {
	t.Parallel()
	keygen(t)
	for kind, bits := range map[string]string{"ed25519": "256", "ecdsa": "384", "rsa": "2048"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			keyFile, allowed, text := filepath.Join(dir, "key"), filepath.Join(dir, "allowed"), filepath.Join(dir, "statement")
			sshKeygen(t, "", "-q", "-t", kind, "-b", bits, "-N", "", "-C", alice, "-f", keyFile)
			pem, err := os.ReadFile(keyFile)
			if err != nil {
				t.Fatal(err)
			}
			key, err := ssh.ParsePrivateKey(pem)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(allowed, []byte(line("*@example.com,!bob@*", `namespaces="stagegate-*",valid-after="20200101"`, key)), 0o600); err != nil {
				t.Fatal(err)
			}

			ours := sign(t, statement(alice), key)
			var v vote
			if err := json.Unmarshal(ours, &v); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(text+".ours", []byte(v.Signature), 0o600); err != nil {
				t.Fatal(err)
			}
			sshKeygen(t, v.Statement, "-Y", "verify", "-f", allowed, "-I", alice, "-n", Namespace, "-s", text+".ours")

			if err := os.WriteFile(text, []byte(v.Statement), 0o600); err != nil {
				t.Fatal(err)
			}
			sshKeygen(t, "", "-Y", "sign", "-q", "-f", keyFile, "-n", Namespace, text)
			theirs, err := os.ReadFile(text + ".sig")
			if err != nil {
				t.Fatal(err)
			}
			v.Signature = string(theirs)
			data, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			signers, err := LoadSigners(allowed)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(data, ours) && kind != "ed25519" { // whose signatures are the same each time
				t.Error("the signature was not replaced")
			}
			if tally := Count([][]byte{data}, signers, question(), now); len(tally.Approved) != 1 {
				t.Errorf("%+v", tally)
			}
		})
	}
}
