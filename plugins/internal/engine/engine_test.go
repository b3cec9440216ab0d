package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnreachable(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "no.sock")
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	_, err := Connect(t.Context())
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) {
		t.Fatalf("error %v", err)
	}
	if !strings.Contains(err.Error(), socket) || !strings.Contains(err.Error(), "no such file") || !strings.Contains(unreachable.Remedy(), "DOCKER_HOST says") {
		t.Errorf("%v; %s", err, unreachable.Remedy())
	}
	t.Setenv("DOCKER_HOST", "nonsense")
	if _, err := Connect(t.Context()); !errors.As(err, &unreachable) || unreachable.Address != "nonsense" {
		t.Errorf("error %v", err)
	}
}

// The version is the newest that both sides know.
func TestNegotiation(t *testing.T) {
	asked := make(chan string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/_ping") {
			w.Header().Set("API-Version", "1.41")
			return
		}
		asked <- req.URL.Path
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"Size":7}`))
	}))
	defer server.Close()
	t.Setenv("DOCKER_HOST", "tcp://"+server.Listener.Addr().String())
	e, err := Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	if size, err := e.Size(t.Context(), "x"); err != nil || size != 7 {
		t.Errorf("size %d, %v", size, err)
	}
	if path := <-asked; path != "/v1.41/images/x/json" {
		t.Errorf("asked for %s", path)
	}
}

func TestRelay(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var aux []string
	err := relay(strings.NewReader(`
		{"stream":"Step 1/2 : FROM scratch\n"}
		{"status":"Pulling fs layer","progressDetail":{},"id":"abc"}
		{"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"abc"}
		{"status":"The push refers to repository [x]"}
		{"aux":{"ID":"sha256:1"}}
		{"stream":"Step 2/2 : RUN false\n"}
		{"errorDetail":{"code":3,"message":"it returned 3"},"error":"it returned 3"}
		{"stream":"never seen"}`), &out, func(raw json.RawMessage) { aux = append(aux, string(raw)) })
	var step *StepError
	if !errors.As(err, &step) || step.Step != "Step 2/2 : RUN false" || step.Code != 3 || step.Message != "it returned 3" {
		t.Errorf("error %+v", err)
	}
	if want := "Step 1/2 : FROM scratch\nabc: Pulling fs layer\nThe push refers to repository [x]\nStep 2/2 : RUN false\n"; out.String() != want {
		t.Errorf("output %q", out.String())
	}
	if len(aux) != 1 || aux[0] != `{"ID":"sha256:1"}` {
		t.Errorf("aux %v", aux)
	}
	if err := relay(strings.NewReader(`{"stream":`), &out, nil); err == nil {
		t.Error("half a message is accepted")
	}
}

// Nothing is said of TLS where the engine would also go without.
func TestRequiresTLS(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("API-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"RegistryConfig":{"InsecureRegistryCIDRs":["127.0.0.0/8","192.0.2.0/24"],"IndexConfigs":{
			"docker.io":{"Name":"docker.io","Secure":true},"198.51.100.9:5000":{"Name":"198.51.100.9:5000","Secure":false}}}}`))
	}))
	defer server.Close()
	t.Setenv("DOCKER_HOST", "tcp://"+server.Listener.Addr().String())
	e, err := Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	for host, want := range map[string]bool{
		"docker.io": true, "198.51.100.1:443": true, "198.51.100.9:5000": false,
		"127.0.0.1:5000": false, "192.0.2.7": false, "no-such-host.invalid": false,
	} {
		if got, err := e.RequiresTLS(t.Context(), host); err != nil || got != want {
			t.Errorf("%s: %t, %v; want %t", host, got, err, want)
		}
	}
}
