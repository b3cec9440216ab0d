package kubernetes_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagegate/stagegate/plugins/deploy/kubernetes"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
	"sigs.k8s.io/yaml"
)

const (
	imageA = "registry.example/server@sha256:1111111111111111111111111111111111111111111111111111111111111111"
	imageB = "registry.example/server@sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

// devcluster is the cluster that the tests of this package share.
type devcluster struct {
	dir  string
	ours bool
	err  error
}

// binary is the program that make has built.
func binary() string { return filepath.Join(os.Getenv("STAGEGATE_BIN"), "devcluster") }

// started says that there is a cluster to take down.
var started atomic.Bool

// start brings the cluster up once; $DEVCLUSTER_DIR lends one that stays.
var start = sync.OnceValue(func() devcluster {
	started.Store(true)
	bin, dir := binary(), os.Getenv("DEVCLUSTER_DIR")
	c := devcluster{dir: dir, ours: dir == ""}
	if c.ours {
		if c.dir, c.err = os.MkdirTemp("", "deploy-test"); c.err != nil {
			return c
		}
	}
	out, err := exec.Command(bin, "up", "--dir", c.dir, "--format", "json").CombinedOutput()
	if err != nil {
		c.err = fmt.Errorf("%w: %s", err, out)
	}
	return c
})

func TestMain(m *testing.M) {
	code := m.Run()
	if started.Load() {
		if c := start(); c.ours {
			out, err := exec.Command(binary(), "down", "--dir", c.dir).CombinedOutput()
			if err != nil {
				fmt.Fprintf(os.Stderr, "devcluster down: %v: %s\n", err, out)
				code = 1
			}
			_ = os.RemoveAll(c.dir)
		}
	}
	os.Exit(code)
}

// lab is one test's place in a real cluster: a namespace and nodes of its own.
type lab struct {
	t          *testing.T
	harness    *plugintest.Harness
	kubeconfig string
	server     *url.URL
	client     *http.Client
	namespace  string
}

func newLab(t *testing.T) *lab {
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
	l := &lab{
		t: t, kubeconfig: filepath.Join(c.dir, "kubeconfig"),
		harness: plugintest.Start(t, sdk.Plugin{Name: "deploy", Version: "0.0.1", Deployers: []sdk.Deployer{kubernetes.Component{}}}),
	}
	l.connect()
	l.namespace = strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	if len(l.namespace) > 40 {
		l.namespace = l.namespace[:40]
	}
	l.namespace = fmt.Sprintf("%s-%x", l.namespace, time.Now().UnixNano()&0xffffff)
	l.post("/api/v1/namespaces", map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": l.namespace}})
	t.Cleanup(func() { l.call(context.Background(), http.MethodDelete, "/api/v1/namespaces/"+l.namespace, nil) })
	return l
}

// connect reads the kubeconfig by hand, so that client-go stays in one package.
func (l *lab) connect() {
	l.t.Helper()
	raw, err := os.ReadFile(l.kubeconfig)
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

// call is one request to the API server, as its administrator. It may be called
// from any goroutine; an answer that cannot be had fails the test and is nil.
func (l *lab) call(ctx context.Context, method, path string, body any) (int, kube.Object) {
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
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		l.t.Error(err)
		return 0, nil
	}
	var o kube.Object
	if err := json.Unmarshal(answer, &o); err != nil {
		l.t.Errorf("%s %s: %v: %s", method, path, err, answer)
	}
	return resp.StatusCode, o
}

func (l *lab) post(path string, body any) kube.Object {
	l.t.Helper()
	code, o := l.call(l.t.Context(), http.MethodPost, path, body)
	if code/100 != 2 {
		l.t.Fatalf("POST %s: %d %v", path, code, o)
	}
	return o
}

// get is an object, or nil.
func (l *lab) get(path string) kube.Object {
	l.t.Helper()
	code, o := l.call(l.t.Context(), http.MethodGet, path, nil)
	if code == http.StatusNotFound {
		return nil
	}
	if code != http.StatusOK {
		l.t.Errorf("GET %s: %d %v", path, code, o)
	}
	return o
}

func (l *lab) deployment(name string) kube.Object {
	l.t.Helper()
	return l.get("/apis/apps/v1/namespaces/" + l.namespace + "/deployments/" + name)
}

// nodes adds simulated nodes that no other test uses, tainted like real ones
// where they have accelerators.
func (l *lab) nodes(count, gpus int) {
	l.t.Helper()
	for i := range count {
		l.node(fmt.Sprintf("%s-%d", l.namespace, i+1), gpus)
	}
}

// node adds one.
func (l *lab) node(name string, gpus int) {
	l.t.Helper()
	room := map[string]any{"cpu": "16", "memory": "64Gi", "pods": "110"}
	taints := []any{}
	if gpus > 0 {
		room["nvidia.com/gpu"] = fmt.Sprint(gpus)
		taints = append(taints, map[string]any{"key": "nvidia.com/gpu", "effect": "NoSchedule"})
	}
	l.post("/api/v1/nodes", map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{
			"name": name, "labels": map[string]any{"lab": l.namespace},
			"annotations": map[string]any{"kwok.x-k8s.io/node": "fake"},
		},
		"spec":   map[string]any{"taints": taints},
		"status": map[string]any{"capacity": room, "allocatable": room},
	})
	l.t.Cleanup(func() { l.call(context.Background(), http.MethodDelete, "/api/v1/nodes/"+name, nil) })
	for !ready(l.get("/api/v1/nodes/" + name)) {
		if l.t.Context().Err() != nil {
			l.t.Fatal("the node does not become ready")
		}
	}
}

// ready says that a node takes pods: it is made with a taint that keeps them off.
func ready(node kube.Object) bool {
	taints, _ := node.At("spec", "taints").([]any)
	for _, t := range taints {
		if taint, ok := t.(map[string]any); ok && taint["key"] == "node.kubernetes.io/not-ready" {
			return false
		}
	}
	conditions, _ := node.At("status", "conditions").([]any)
	for _, c := range conditions {
		if condition, ok := c.(map[string]any); ok && condition["type"] == "Ready" {
			return condition["status"] == "True"
		}
	}
	return false
}

// config is a configuration on the test's own nodes and namespace; overrides
// win.
func (l *lab) config(overrides map[string]cty.Value) cty.Value {
	fields := map[string]cty.Value{
		"image":      cty.StringVal(imageA),
		"namespace":  cty.StringVal(l.namespace),
		"kubeconfig": cty.StringVal(l.kubeconfig),
		"drain":      cty.StringVal("0s"),
		// Pods must not land on another test's nodes.
		"node_selector": cty.MapVal(map[string]cty.Value{"lab": cty.StringVal(l.namespace)}),
	}
	maps.Copy(fields, overrides)
	return cty.ObjectVal(fields)
}

// gpus is a configuration of pods with that many accelerators.
func (l *lab) gpus(replicas, each int64, overrides map[string]cty.Value) cty.Value {
	fields := map[string]cty.Value{
		"replicas": cty.NumberIntVal(replicas),
		"gpu":      cty.ObjectVal(map[string]cty.Value{"count": cty.NumberIntVal(each)}),
	}
	maps.Copy(fields, overrides)
	return l.config(fields)
}

// release plans and applies with a decision.
func (l *lab) release(config cty.Value, opts ...plugintest.Options) plugintest.Outcome {
	l.t.Helper()
	plan := l.harness.Plan("kubernetes", config, opts...)
	if plan.GetPlan() == nil {
		l.t.Fatalf("no plan: %v", plan)
	}
	return l.harness.Apply("kubernetes", config, plan.GetPlan(), l.harness.Allow(plan.GetPlan(), opts...), opts...)
}

// released is release that must succeed, and the handle.
func (l *lab) released(config cty.Value) (plugintest.Outcome, []byte) {
	l.t.Helper()
	out := l.release(config)
	if !out.Succeeded() {
		l.t.Fatalf("the release failed: %s", out)
	}
	if len(out.Handles) != 1 {
		l.t.Fatalf("%d handles, want 1", len(out.Handles))
	}
	return out, out.Handles[0]
}

// proxy stands between the plugin and the real API server. The returned
// kubeconfig leads to it.
func (l *lab) proxy(meddle func(w http.ResponseWriter, r *http.Request, next http.Handler)) string {
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
	return writeKubeconfig(l.t, server.URL, "")
}

// writeKubeconfig makes a kubeconfig for an address, with a user as YAML.
func writeKubeconfig(t *testing.T, server, user string) string {
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

// asAccount makes a kubeconfig for a service account without any rights.
func (l *lab) asAccount(name string) string {
	l.t.Helper()
	base := "/api/v1/namespaces/" + l.namespace + "/serviceaccounts"
	l.post(base, map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": name}})
	token := l.post(base+"/"+name+"/token", map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": map[string]any{"audiences": []any{}},
	}).Text("status", "token")
	raw, err := os.ReadFile(l.kubeconfig)
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
