package clustertest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/kube"
	"sigs.k8s.io/yaml"
)

// Lab is one test's place in a real cluster: a namespace and nodes of its own.
type Lab struct {
	Namespace, Kubeconfig string

	t      *testing.T
	server *url.URL
	client *http.Client
}

// New is a lab in the cluster. Without STAGEGATE_BIN the test is skipped, unless
// a cluster is required.
func New(t *testing.T) *Lab {
	t.Helper()
	if os.Getenv("STAGEGATE_BIN") == "" {
		const how = "set STAGEGATE_BIN to the folder with the binary devcluster to run it against a real API server"
		if os.Getenv("STAGEGATE_REQUIRE_CLUSTER") == "1" {
			t.Fatal("a cluster is required: " + how)
		}
		t.Skip("SKIPPED, NOT TESTED: " + how)
	}
	c := start()
	if c.err != nil {
		t.Fatalf("start cluster: %v", c.err)
	}
	return At(t, filepath.Join(c.dir, "kubeconfig"))
}

// At is a lab in the cluster of a kubeconfig.
func At(t *testing.T, kubeconfig string) *Lab {
	t.Helper()
	l := &Lab{t: t, Kubeconfig: kubeconfig}
	l.connect()
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	l.Namespace = fmt.Sprintf("%s-%x", strings.Trim(name[:min(len(name), 40)], "-"), time.Now().UnixNano()&0xffffff)
	l.Post("/api/v1/namespaces", map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": l.Namespace}})
	t.Cleanup(func() { l.Call(context.Background(), http.MethodDelete, "/api/v1/namespaces/"+l.Namespace, nil) })
	return l
}

// connect reads the kubeconfig by hand, so that client-go stays in one package.
func (l *Lab) connect() {
	l.t.Helper()
	raw, err := os.ReadFile(l.Kubeconfig)
	if err != nil {
		l.t.Fatal(err)
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server string `json:"server"`
				CA     []byte `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
		Users []struct {
			User struct {
				Cert []byte `json:"client-certificate-data"`
				Key  []byte `json:"client-key-data"`
			} `json:"user"`
		} `json:"users"`
	}
	if err := yaml.Unmarshal(raw, &config); err != nil {
		l.t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(config.Users[0].User.Cert, config.Users[0].User.Key)
	if err != nil {
		l.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(config.Clusters[0].Cluster.CA)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}}
	l.client = &http.Client{Transport: transport, Timeout: 30 * time.Second}
	l.t.Cleanup(transport.CloseIdleConnections)
	if l.server, err = url.Parse(config.Clusters[0].Cluster.Server); err != nil {
		l.t.Fatal(err)
	}
}

// Call is one request to the API server, as its administrator. It may be called
// from any goroutine; an answer that cannot be had fails the test and is nil.
func (l *Lab) Call(ctx context.Context, method, path string, body any) (int, kube.Object) {
	l.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		l.t.Error(err)
		return 0, nil
	}
	req, err := http.NewRequestWithContext(ctx, method, l.server.String()+path, bytes.NewReader(raw))
	if err != nil {
		l.t.Error(err)
		return 0, nil
	}
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/apply-patch+yaml")
	}
	resp, err := l.client.Do(req)
	if err != nil {
		l.t.Error(err)
		return 0, nil
	}
	defer func() { _ = resp.Body.Close() }() // read only: nothing can be lost
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		l.t.Error(err)
		return 0, nil
	}
	var o kube.Object
	if err := json.Unmarshal(answer, &o); err != nil && resp.StatusCode < http.StatusBadRequest {
		l.t.Errorf("%s %s: %v: %s", method, path, err, answer)
	}
	return resp.StatusCode, o
}

// Post makes an object.
func (l *Lab) Post(path string, body any) kube.Object {
	l.t.Helper()
	code, o := l.Call(l.t.Context(), http.MethodPost, path, body)
	if code/100 != 2 {
		l.t.Fatalf("POST %s: %d %v", path, code, o)
	}
	return o
}

// Get is an object, or nil.
func (l *Lab) Get(path string) kube.Object {
	l.t.Helper()
	code, o := l.Call(l.t.Context(), http.MethodGet, path, nil)
	if code == http.StatusNotFound {
		return nil
	}
	if code != http.StatusOK {
		l.t.Errorf("GET %s: %d %v", path, code, o)
	}
	return o
}

// Nodes adds simulated nodes that no other test uses, tainted like real ones
// where they have accelerators.
func (l *Lab) Nodes(count, gpus int) {
	l.t.Helper()
	for i := range count {
		name := fmt.Sprintf("%s-%d", l.Namespace, i+1)
		room := map[string]any{"cpu": "16", "memory": "64Gi", "pods": "110"}
		taints := []any{}
		if gpus > 0 {
			room["nvidia.com/gpu"] = fmt.Sprint(gpus)
			taints = append(taints, map[string]any{"key": "nvidia.com/gpu", "effect": "NoSchedule"})
		}
		l.Post("/api/v1/nodes", map[string]any{
			"apiVersion": "v1", "kind": "Node",
			"metadata": map[string]any{
				"name": name, "labels": map[string]any{"lab": l.Namespace},
				"annotations": map[string]any{"kwok.x-k8s.io/node": "fake"},
			},
			"spec":   map[string]any{"taints": taints},
			"status": map[string]any{"capacity": room, "allocatable": room},
		})
		l.t.Cleanup(func() { l.Call(context.Background(), http.MethodDelete, "/api/v1/nodes/"+name, nil) })
	}
}

// Proxy stands between the plugin and the real API server. The returned
// kubeconfig leads to it.
func (l *Lab) Proxy(meddle func(w http.ResponseWriter, r *http.Request, next http.Handler)) string {
	l.t.Helper()
	forward := httputil.NewSingleHostReverseProxy(l.server)
	forward.Transport = l.client.Transport
	forward.FlushInterval = -1
	forward.ErrorLog = log.New(io.Discard, "", 0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { meddle(w, r, forward) }))
	l.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return WriteKubeconfig(l.t, server.URL, "")
}

// WriteKubeconfig makes a kubeconfig for an address, with a user as YAML.
func WriteKubeconfig(t *testing.T, server, user string) string {
	t.Helper()
	if user == "" {
		user = "{}"
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c,
 clusters: [{name: c, cluster: {server: %q}}],
 contexts: [{name: c, context: {cluster: c, user: u}}],
 users: [{name: u, user: %s}]}`, server, user)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// AsAccount makes a kubeconfig for a service account without any rights.
func (l *Lab) AsAccount(name string) string {
	l.t.Helper()
	base := "/api/v1/namespaces/" + l.Namespace + "/serviceaccounts"
	l.Post(base, map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": name}})
	token := l.Post(base+"/"+name+"/token", map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": map[string]any{"audiences": []any{}},
	}).Text("status", "token")
	raw, err := os.ReadFile(l.Kubeconfig)
	if err != nil {
		l.t.Fatal(err)
	}
	var config map[string]any
	if err := yaml.Unmarshal(raw, &config); err != nil {
		l.t.Fatal(err)
	}
	users, _ := config["users"].([]any)
	user, _ := users[0].(map[string]any)
	user["user"] = map[string]any{"token": token}
	if raw, err = yaml.Marshal(config); err != nil {
		l.t.Fatal(err)
	}
	path := filepath.Join(l.t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		l.t.Fatal(err)
	}
	return path
}
