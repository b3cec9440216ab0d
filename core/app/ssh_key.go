package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/stagegate/stagegate/core/gate/approval"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/term"
)

const maxKeyFile = 64 << 10

// sshKey finds the key to sign with: in a file, with its passphrase, or in the
// agent of which a file holds the public half. Without a file, the agent's only
// key that may approve is taken. The function that it returns ends the use.
func (a *app) sshKey(ctx context.Context, path string, signers *approval.Signers) (ssh.Signer, func(), error) {
	named := path != ""
	if !named {
		path = filepath.Join(a.env("HOME"), ".ssh", "id_ed25519")
	}
	data, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return a.agentKey(ctx, func(key ssh.PublicKey) bool {
			names, exact := signers.Principals(key, now())
			return len(names) > 0 || !exact
		}, "there is no "+path)
	}
	if err != nil {
		return nil, nil, usage(fmt.Errorf("read SSH key: %w", err))
	}
	if public, _, _, _, err := ssh.ParseAuthorizedKey(data); err == nil {
		return a.agentKey(ctx, isKey(public), path+" is a public key")
	}
	key, err := ssh.ParsePrivateKey(data)
	locked, protected := errors.AsType[*ssh.PassphraseMissingError](err)
	switch {
	case protected:
		return a.unlock(ctx, path, data, locked.PublicKey)
	case err != nil:
		return nil, nil, usage(fmt.Errorf("read SSH key: %s holds no private key that can be read", path)) // the cause could quote it
	}
	return key, func() {}, nil
}

// readKeyFile reads a key that nobody else can read, if it is a private one.
func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 && bytes.Contains(data, []byte("PRIVATE KEY")) {
		return nil, fmt.Errorf("%s is open to others (mode %04o); run chmod 600 on it", path, info.Mode().Perm())
	}
	return data, nil
}

// unlock opens a protected key: the agent may have it already; else its
// passphrase is asked for.
func (a *app) unlock(ctx context.Context, path string, data []byte, public ssh.PublicKey) (ssh.Signer, func(), error) {
	if public != nil {
		if key, end, err := a.agentKey(ctx, isKey(public), ""); err == nil {
			return key, end, nil
		}
	}
	in, ok := a.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, nil, usage(fmt.Errorf("read SSH key: %s has a passphrase, and there is no terminal to ask for it; add the key to your agent: ssh-add %s", path, path))
	}
	fmt.Fprintf(a.Stderr, "Passphrase of %s: ", path)
	passphrase, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(a.Stderr)
	if err != nil {
		return nil, nil, fmt.Errorf("read passphrase: %w", err)
	}
	key, err := ssh.ParsePrivateKeyWithPassphrase(data, passphrase)
	if err != nil {
		return nil, nil, usage(fmt.Errorf("read SSH key: the passphrase does not open %s", path))
	}
	return key, func() {}, nil
}

func isKey(public ssh.PublicKey) func(ssh.PublicKey) bool {
	return func(other ssh.PublicKey) bool { return bytes.Equal(public.Marshal(), other.Marshal()) }
}

// agentKey is the only key of the agent that fits; why says what made it
// necessary.
func (a *app) agentKey(ctx context.Context, fits func(ssh.PublicKey) bool, why string) (ssh.Signer, func(), error) {
	socket := a.env("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, nil, usage(fmt.Errorf("find SSH key: %s, and no agent runs (SSH_AUTH_SOCK); name your key with --key", why))
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, nil, usage(fmt.Errorf("find SSH key: reach the agent: %w", err))
	}
	end := func() { _ = conn.Close() } // nothing is written through it any more
	keys, err := agent.NewClient(conn).Signers()
	if err != nil {
		end()
		return nil, nil, usage(fmt.Errorf("find SSH key: ask the agent: %w", err))
	}
	var found []ssh.Signer
	for _, key := range keys {
		if fits(key.PublicKey()) {
			found = append(found, key)
		}
	}
	if len(found) != 1 {
		end()
		return nil, nil, usage(fmt.Errorf("find SSH key: %s, and the agent holds %d keys that fit; name one with --key", why, len(found)))
	}
	return found[0], end, nil
}
