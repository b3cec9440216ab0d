package oci

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
)

// locked starts a registry that wants the credentials of bot.
func locked(t *testing.T) ocitest.Registry {
	t.Helper()
	return ocitest.StartTLS(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if user, password, ok := req.BasicAuth(); !ok || user != "bot" || password != "s3cret" {
				w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
}

// withHelper has Docker's configuration name a helper for a registry, which is a
// script on the PATH.
func withHelper(t *testing.T, config map[string]any, script string) string {
	t.Helper()
	dir := t.TempDir()
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if script != "" {
		if err := os.WriteFile(filepath.Join(dir, "docker-credential-x"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return dir
}

// A helper is asked for the one host, on its standard input.
func TestCredentialHelper(t *testing.T) {
	for name, config := range map[string]func(host string) map[string]any{
		"for the host": func(host string) map[string]any {
			return map[string]any{"credHelpers": map[string]string{host: "x"}, "credsStore": "missing"}
		},
		"for all": func(string) map[string]any { return map[string]any{"credsStore": "x"} },
	} {
		t.Run(name, func(t *testing.T) {
			server := locked(t)
			dir := withHelper(t, config(server.Host), `echo "$@" >"$(dirname "$0")/args"; cat >"$(dirname "$0")/asked"
echo '{"ServerURL":"x","Username":"bot","Secret":"s3cret"}'`)
			publish(t, connect(t, server, nil), "hello")
			for file, want := range map[string]string{"args": "get", "asked": server.Host} {
				if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || strings.TrimSpace(string(got)) != want {
					t.Errorf("%s: %q, %v", file, got, err)
				}
			}
		})
	}
}

// What a helper has in place of an answer is said, is bounded, and shows nothing
// that could be a secret.
func TestCredentialHelperFails(t *testing.T) {
	for name, test := range map[string]struct{ script, class, want string }{
		"has none":         {`echo credentials not found in native keychain; exit 1`, "registry_denied", "there are none for it"},
		"complains":        {`echo the keychain is locked; exit 1`, "credentials_failed", "docker-credential-x ended with exit code 1: the keychain is locked"},
		"answers and ends": {`echo '{"Username":"bot","Secret":"s3cret"}'; exit 3`, "credentials_failed", "docker-credential-x ended with exit code 3"},
		"says nothing":     {`exit 0`, "credentials_failed", "does not answer in the form"},
		"half an answer":   {`echo '{"Username":"bot","Secret":"s3cret'`, "credentials_failed", "does not answer in the form"},
		"hangs":            {`echo '{"Secret":"s3cret"'; while :; do sleep 60; done`, "credentials_failed", "has not answered for"},
		"10 MB":            {`head -c 10000000 /dev/zero`, "credentials_failed", "prints more than 65536 bytes"},
		"is missing":       {"", "credentials_failed", "docker-credential-x cannot be started"},
		"is refused":       {`echo '{"Username":"bot","Secret":"other"}'`, "registry_denied", "answered 401"},
	} {
		t.Run(name, func(t *testing.T) {
			server := locked(t)
			withHelper(t, map[string]any{"credHelpers": map[string]string{server.Host: "x"}}, test.script)
			f := failureOf(t, connect(t, server, func(o *RegistryOptions) {
				o.HelperPatience = time.Minute
				if name == "hangs" {
					o.HelperPatience = 300 * time.Millisecond
				}
			}))
			if f.Class != test.class || !strings.Contains(f.Error(), test.want) || f.Transient || f.Detail == "" {
				t.Errorf("%+v", f)
			}
			if said := f.Error() + f.Detail; strings.Contains(said, "s3cret") || len(said) > 2000 {
				t.Errorf("it says %s", said)
			}
		})
	}
}

// Who cancels does not wait for a helper.
func TestCancelWhileAHelperIsAsked(t *testing.T) {
	server := locked(t)
	dir := withHelper(t, map[string]any{"credsStore": "x"}, `touch "$(dirname "$0")/asked"; while :; do sleep 60; done`)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	go func() {
		for {
			if _, err := os.Stat(filepath.Join(dir, "asked")); err == nil {
				cancel(enough)
				return
			}
			select {
			case <-t.Context().Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	if _, err := connect(t, server, nil).Blob(ctx, Bytes("weights", []byte("hello"))); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
}

func TestDockerConfiguration(t *testing.T) {
	for name, test := range map[string]struct{ content, want string }{
		"no JSON":     {"{", "read docker configuration"},
		"a megabyte":  {`{"a":"` + strings.Repeat("x", maxDockerConfig) + `"}`, "has more than 1048576 bytes"},
		"another way": {`{"credHelpers":["x"]}`, "read docker configuration"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("DOCKER_CONFIG", dir)
		if _, err := NewRegistry(RegistryOptions{Host: "r.example", Repository: "x"}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
