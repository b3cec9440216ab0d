package app_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// sshkey FILE [PASSPHRASE] makes an SSH key, and FILE.pub.
func cmdSSHKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: sshkey file [passphrase]")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ts.Check(err)
	block, err := ssh.MarshalPrivateKey(private, args[0])
	if len(args) == 2 {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, args[0], []byte(args[1]))
	}
	ts.Check(err)
	key, err := ssh.NewPublicKey(public)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
	ts.Check(os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	ts.Check(os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(key), 0o600))
}

// allow PRINCIPALS KEY [OPTIONS] adds a line to the file allowed_signers.
func cmdAllow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: allow principals key [options]")
	}
	line := args[0] + " " + strings.Join(args[2:], "") + " " + ts.ReadFile(args[1]+".pub")
	f, err := os.OpenFile(ts.MkAbs("allowed_signers"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = f.WriteString(line)
	ts.Check(err)
	ts.Check(f.Close())
}

// sshagent KEY... runs an agent that holds keys without a passphrase.
func cmdSSHAgent(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: sshagent key...")
	}
	ring := agent.NewKeyring()
	for _, name := range args {
		key, err := ssh.ParseRawPrivateKey([]byte(ts.ReadFile(name)))
		ts.Check(err)
		ts.Check(ring.Add(agent.AddedKey{PrivateKey: key}))
	}
	dir, err := os.MkdirTemp("", "agent") // a socket's path is short
	ts.Check(err)
	listener, err := net.Listen("unix", filepath.Join(dir, "a"))
	ts.Check(err)
	ts.Setenv("SSH_AUTH_SOCK", filepath.Join(dir, "a"))
	ts.Defer(func() {
		_ = listener.Close()
		_ = os.RemoveAll(dir)
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the script has ended
			}
			go func() {
				_ = agent.ServeAgent(ring, conn) // until the client goes
				_ = conn.Close()
			}()
		}
	}()
}
