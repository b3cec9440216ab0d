package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagegate/stagegate/plugins/deploy/kubernetes"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func isWatch(r *http.Request) bool { return r.URL.Query().Get("watch") == "true" }

func TestDroppedWatchesAreTakenUpAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	var dropped atomic.Int64
	kubeconfig := l.proxy(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !isWatch(r) {
			next.ServeHTTP(w, r)
			return
		}
		// The connection is cut in the middle of the stream, over and over.
		ctx, cancel := context.WithTimeout(r.Context(), 50*time.Millisecond)
		defer cancel()
		defer func() {
			dropped.Add(1)
			_ = recover() // the proxy aborts the handler when it is cut off
			panic(http.ErrAbortHandler)
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
	l.released(l.config(map[string]cty.Value{"kubeconfig": cty.StringVal(kubeconfig), "replicas": cty.NumberIntVal(20)}))
	if dropped.Load() == 0 {
		t.Error("no watch was dropped: the test shows nothing")
	}
}

func TestABusyServerIsAskedAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.nodes(1, 0)
	var refused atomic.Int64
	seen := make(chan struct{}, 1000)
	kubeconfig := l.proxy(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		seen <- struct{}{}
		// Every third request is refused, writes too; the fourth gets its answer
		// lost after it was carried out.
		switch n := len(seen); {
		case n%3 == 0:
			refused.Add(1)
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"ServiceUnavailable","code":503}`, http.StatusServiceUnavailable)
		case n%4 == 0 && r.Method == http.MethodPatch:
			refused.Add(1)
			next.ServeHTTP(httptest.NewRecorder(), r)
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"InternalError","code":500}`, http.StatusInternalServerError)
		default:
			next.ServeHTTP(w, r)
		}
	})
	l.released(l.config(map[string]cty.Value{"kubeconfig": cty.StringVal(kubeconfig)}))
	if refused.Load() < 5 {
		t.Errorf("%d requests were refused: the test shows little", refused.Load())
	}
}

func TestADeploymentThatIsDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	l := newLab(t) // without nodes, so that the rollout has to wait
	var once atomic.Bool
	kubeconfig := l.proxy(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r)
		if strings.Contains(r.URL.Path, "/deployments/") && r.Method == http.MethodPatch && r.URL.Query().Get("dryRun") == "" && once.CompareAndSwap(false, true) {
			l.call(context.Background(), http.MethodDelete, "/apis/apps/v1/namespaces/"+l.namespace+"/deployments/test", nil)
		}
	})
	out := l.release(l.config(map[string]cty.Value{"kubeconfig": cty.StringVal(kubeconfig), "capacity_check": cty.StringVal("warn")}))
	if f := out.Failure(); f.GetClass() != "superseded" || !strings.Contains(f.GetSummary(), "deleted") {
		t.Errorf("got %s", out)
	}
}

func TestCancelEndsTheWait(t *testing.T) {
	t.Parallel()
	l := newLab(t) // without nodes, so that the rollout has to wait
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var open atomic.Int64
	kubeconfig := l.proxy(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if isWatch(r) {
			if open.Add(1) == 4 {
				cancel(errors.New("that is enough"))
			}
			defer open.Add(-1)
		}
		next.ServeHTTP(w, r)
	})
	config := l.config(map[string]cty.Value{"kubeconfig": cty.StringVal(kubeconfig), "capacity_check": cty.StringVal("warn")})
	plan := l.harness.Plan("kubernetes", config).GetPlan()
	began := time.Now()
	out := l.harness.Apply("kubernetes", config, plan, l.harness.Allow(plan), plugintest.Options{Context: ctx})
	if out.Succeeded() || time.Since(began) > 20*time.Second {
		t.Errorf("got %s after %s", out, time.Since(began))
	}
	for deadline := time.Now().Add(10 * time.Second); open.Load() > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d watches are left", open.Load())
		}
		l.get("/version") // the loop's pause
	}
}

func TestACrashFailsWithItsReason(t *testing.T) {
	t.Parallel()
	l := newLab(t) // without nodes: the test plays scheduler and kubelet
	config := l.config(map[string]cty.Value{"capacity_check": cty.StringVal("warn")})
	plan := l.harness.Plan("kubernetes", config).GetPlan()
	allowed := l.harness.Allow(plan)
	ended := make(chan plugintest.Outcome, 1)
	go func() { ended <- l.harness.Apply("kubernetes", config, plan, allowed) }()

	pods := "/api/v1/namespaces/" + l.namespace + "/pods"
	name := l.firstPod(pods)
	l.post(pods+"/"+name+"/binding", map[string]any{
		"apiVersion": "v1", "kind": "Binding", "metadata": map[string]any{"name": name},
		"target": map[string]any{"kind": "Node", "name": "ghost"},
	})
	code, answer := l.call(t.Context(), http.MethodPatch, pods+"/"+name+"/status?fieldManager=kubelet&force=true", map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name},
		"status": map[string]any{"phase": "Running", "containerStatuses": []any{map[string]any{
			"name": "server", "image": imageA, "imageID": imageA, "ready": false, "restartCount": 3,
			"state":     map[string]any{"waiting": map[string]any{"reason": "CrashLoopBackOff", "message": "back-off"}},
			"lastState": map[string]any{"terminated": map[string]any{"reason": "OOMKilled", "exitCode": 137}},
		}}},
	})
	if code != http.StatusOK {
		t.Fatalf("%d %v", code, answer)
	}
	out := <-ended
	f := out.Failure()
	if f.GetClass() != "crash" || !strings.Contains(f.GetSummary(), "pod "+name+" on ghost: CrashLoopBackOff: it ended with exit code 137 (OOMKilled)") {
		t.Errorf("got %s", out)
	}
}

// firstPod waits until the controllers have made one.
func (l *lab) firstPod(path string) string {
	l.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		items, _ := l.get(path)["items"].([]any)
		if len(items) > 0 {
			pod, _ := items[0].(map[string]any)
			return kube.Object(pod).Text("metadata", "name")
		}
	}
	l.t.Fatal("no pod was made")
	return ""
}

func TestAPlanForAnotherClusterIsRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var writes atomic.Int64
	kubeconfig := l.proxy(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodPatch {
			writes.Add(1)
		}
		if r.URL.Path == "/api/v1/namespaces/kube-system" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system","uid":"another"}}`)
			return
		}
		next.ServeHTTP(w, r)
	})
	l.nodes(1, 0)
	plan := l.harness.Plan("kubernetes", l.config(nil)).GetPlan()
	elsewhere := l.config(map[string]cty.Value{"kubeconfig": cty.StringVal(kubeconfig)})
	out := l.harness.Apply("kubernetes", elsewhere, plan, l.harness.Allow(plan))
	if f := out.Failure(); f.GetClass() != "plan_mismatch" || !strings.Contains(f.GetSummary(), "leads to the cluster another") {
		t.Errorf("got %s", out)
	}
	if writes.Load() != 0 || len(out.Handles) != 0 {
		t.Errorf("%d writes, %d handles, want none", writes.Load(), len(out.Handles))
	}
}

// The tests below need no cluster: nobody answers, or somebody who is none.

func serve(t *testing.T) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "deploy", Version: "0.0.1", Deployers: []sdk.Deployer{kubernetes.Component{}}})
}

func planWith(t *testing.T, kubeconfig string) *pluginv1.PlanResponse {
	t.Helper()
	return serve(t).Plan("kubernetes", cty.ObjectVal(map[string]cty.Value{
		"image": cty.StringVal(imageA), "kubeconfig": cty.StringVal(kubeconfig),
	}))
}

func TestNoClusterReachable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	_ = listener.Close() // now nobody listens there
	kubeconfig := writeKubeconfig(t, address, "")
	f := planWith(t, kubeconfig).GetFailure()
	if f.GetClass() != "cluster_unreachable" || !f.GetTransient() ||
		!strings.Contains(f.GetSummary(), address) || !strings.Contains(f.GetDetail(), kubeconfig) {
		t.Errorf("got %v", f)
	}
}

func TestWhatAnswersIsNoCluster(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<h1>hello</h1>") }))
	t.Cleanup(server.Close)
	f := planWith(t, writeKubeconfig(t, server.URL, "")).GetFailure()
	if f.GetClass() != "cluster_unreachable" || !strings.Contains(f.GetSummary(), "no Kubernetes API server") {
		t.Errorf("got %v", f)
	}
}

func TestNoKubeconfig(t *testing.T) {
	t.Parallel()
	missing := t.TempDir() + "/none"
	f := planWith(t, missing).GetFailure()
	if f.GetClass() != "cluster_unreachable" || f.GetTransient() || !strings.Contains(f.GetDetail(), missing) {
		t.Errorf("got %v", f)
	}
}

func TestAPipelinesKubeconfigMayNotActOnThisMachine(t *testing.T) {
	t.Parallel()
	marker := t.TempDir() + "/ran"
	for name, user := range map[string]string{
		"program":    fmt.Sprintf(`{exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [%q], interactiveMode: Never}}`, marker),
		"token file": `{tokenFile: /etc/hostname}`,
	} {
		f := planWith(t, writeKubeconfig(t, "http://127.0.0.1:1", user)).GetFailure()
		if !strings.Contains(f.GetSummary(), "a kubeconfig named by a pipeline may not do that") {
			t.Errorf("%s: got %v", name, f)
		}
	}
}
