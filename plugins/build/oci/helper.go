package oci

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/stagegate/stagegate/sdk/process"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// Bounds of a credential helper. It is a program of the operator's, and many of
// them ask somebody else: a keychain, a cloud, a person.
const (
	helperPatience  = 30 * time.Second
	maxCredentials  = 64 << 10
	maxDockerConfig = 1 << 20
)

// dockerConfig is as much of Docker's configuration as says which helper to ask.
type dockerConfig struct {
	Helpers map[string]string `json:"credHelpers"`
	Store   string            `json:"credsStore"`
}

// dockerCredentials finds credentials where Docker does. Helpers are asked here,
// and not by oras, which waits for them for ever and takes whatever they print.
func dockerCredentials(patience time.Duration) (auth.CredentialFunc, error) {
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // documented by oras: without a function there are no credentials
	}
	if err != nil {
		return nil, fmt.Errorf("read docker configuration: %w", err)
	}
	config, err := readDockerConfig(store.ConfigPath())
	if err != nil {
		return nil, fmt.Errorf("read docker configuration: %w", err)
	}
	plain := credentials.Credential(store)
	return func(ctx context.Context, host string) (auth.Credential, error) {
		server := credentials.ServerAddressFromHostname(host)
		name := config.Store
		if own, ok := config.Helpers[server]; ok {
			name = own
		}
		if server == "" || name == "" {
			return plain(ctx, host)
		}
		return askHelper(ctx, "docker-credential-"+name, server, patience)
	}, nil
}

func readDockerConfig(name string) (dockerConfig, error) {
	var config dockerConfig
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return config, nil
	}
	if err != nil {
		return config, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxDockerConfig+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return config, err
	}
	if len(raw) > maxDockerConfig {
		return config, fmt.Errorf("%s has more than %d bytes", name, maxDockerConfig)
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		return config, fmt.Errorf("%s: %w", name, err)
	}
	return config, nil
}

// helperError says what is wrong with a credential helper. It never has in it
// what the helper has printed in place of an answer.
type helperError struct{ name, server, why string }

// Error names the program.
func (e *helperError) Error() string { return e.name + " " + e.why }

func (e *helperError) detail() string {
	return fmt.Sprintf("Docker's configuration names this credential helper for %s. To see what it says: echo %s | %s get", e.server, e.server, e.name)
}

// askHelper speaks the protocol of docker-credential-helpers.
func askHelper(ctx context.Context, name, server string, patience time.Duration) (auth.Credential, error) {
	failed := func(why string) (auth.Credential, error) {
		return auth.EmptyCredential, &helperError{name: name, server: server, why: why}
	}
	if strings.ContainsRune(name, '/') {
		return failed("is no name of a program")
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out := &bounded{limit: maxCredentials}
	exit, err := process.Run(limited, process.Command{
		Args: []string{name, "get"}, Stdin: strings.NewReader(server), Stdout: out, Stderr: io.Discard,
		AttemptID: "credentials-" + rand.Text(), Grace: time.Second,
	})
	var start *process.StartError
	switch {
	case ctx.Err() != nil:
		return auth.EmptyCredential, context.Cause(ctx)
	case limited.Err() != nil:
		return failed(fmt.Sprintf("has not answered for %s, and was ended", patience))
	case errors.As(err, &start):
		return failed("cannot be started: " + start.Err.Error())
	case err != nil:
		return failed("cannot be used: " + err.Error())
	case out.over:
		return failed(fmt.Sprintf("prints more than %d bytes", maxCredentials))
	case exit.Code != 0 && strings.TrimSpace(out.String()) == "credentials not found in native keychain":
		return auth.EmptyCredential, nil
	case exit.Code != 0:
		return failed(fmt.Sprintf("ended with exit code %d%s", exit.Code, complaint(out.Bytes())))
	}
	return parseCredentials(out.Bytes(), failed)
}

func parseCredentials(raw []byte, failed func(string) (auth.Credential, error)) (auth.Credential, error) {
	var answer struct{ Username, Secret string }
	if err := json.Unmarshal(raw, &answer); err != nil {
		return failed("does not answer in the form of credential helpers")
	}
	if answer.Username == "<token>" {
		return auth.Credential{RefreshToken: answer.Secret}, nil
	}
	return auth.Credential{Username: answer.Username, Password: answer.Secret}, nil
}

// complaint is what a helper says is wrong: one line, and nothing that looks like
// an answer.
func complaint(out []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(strings.ToValidUTF8(string(out), "?")), "\n")
	if line == "" || strings.Contains(string(out), "{") {
		return ""
	}
	return fmt.Sprintf(": %.200s", line)
}

// bounded keeps the beginning of what is written, and takes all of it.
type bounded struct {
	bytes.Buffer
	limit int
	over  bool
}

// Write implements io.Writer; it never fails.
func (b *bounded) Write(p []byte) (int, error) {
	room := max(b.limit-b.Len(), 0)
	b.over = b.over || len(p) > room
	_, _ = b.Buffer.Write(p[:min(len(p), room)])
	return len(p), nil
}
