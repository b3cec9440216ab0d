package kubernetes_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/cluster/clustertest"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/plugins/test/kubernetes"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

func TestMain(m *testing.M) { os.Exit(clustertest.Main(m)) }

const image = "registry.example/eval@sha256:1111111111111111111111111111111111111111111111111111111111111111"

type values = map[string]cty.Value

var text = cty.StringVal

func start(t *testing.T) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "test", Version: "0.1.0", Testers: []sdk.Tester{kubernetes.Component{}}})
}

// lab is a place in a real cluster without nodes: the test plays scheduler,
// kubelet and queue.
type lab struct {
	*clustertest.Lab
	t *testing.T
	h *plugintest.Harness
}

func newLab(t *testing.T) lab {
	t.Helper()
	return lab{clustertest.New(t), t, start(t)}
}

// config lands on no node, or on those of the lab.
func (l lab) config(more values) cty.Value {
	fields := values{
		"image": text(image), "namespace": text(l.Namespace), "kubeconfig": text(l.Kubeconfig),
		"node_selector": cty.MapVal(values{"lab": text(l.Namespace)}),
	}
	maps.Copy(fields, more)
	return cty.ObjectVal(fields)
}

// test runs a stage, while the test plays its part.
func (l lab) test(config cty.Value, play func(), opts ...plugintest.Options) plugintest.Outcome {
	l.t.Helper()
	ended := make(chan plugintest.Outcome, 1)
	go func() { ended <- l.h.Test("kubernetes", config, opts...) }()
	play()
	return <-ended
}

// items are the objects of a list.
func (l lab) items(path string) []kube.Object {
	l.t.Helper()
	list, _ := l.Get(path)["items"].([]any)
	out := make([]kube.Object, len(list))
	for i, item := range list {
		out[i], _ = item.(map[string]any)
	}
	return out
}

func (l lab) jobs() []kube.Object {
	return l.items("/apis/batch/v1/namespaces/" + l.Namespace + "/jobs")
}

func (l lab) pods() string { return "/api/v1/namespaces/" + l.Namespace + "/pods" }

// until waits for a condition in the cluster.
func (l lab) until(what string, ok func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) || l.t.Context().Err() != nil {
			l.t.Fatalf("waited in vain for %s", what)
		}
		l.Get("/version") // the loop's pause
	}
}

// one waits for the only object of a list.
func (l lab) one(path string) kube.Object {
	l.t.Helper()
	var found []kube.Object
	l.until("an object in "+path, func() bool {
		found = l.items(path)
		return len(found) > 0
	})
	return found[0]
}

// bind puts the pod on a node that there is not.
func (l lab) bind() string {
	l.t.Helper()
	name := l.one(l.pods()).Text("metadata", "name")
	l.Post(l.pods()+"/"+name+"/binding", map[string]any{
		"apiVersion": "v1", "kind": "Binding", "metadata": map[string]any{"name": name},
		"target": map[string]any{"kind": "Node", "name": "ghost"},
	})
	return name
}

// status sets the pod's, as a kubelet does.
func (l lab) status(pod string, status map[string]any) {
	l.t.Helper()
	code, answer := l.Call(context.Background(), http.MethodPatch, l.pods()+"/"+pod+"/status?fieldManager=kubelet&force=true", map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": pod}, "status": status,
	})
	if code != http.StatusOK {
		l.t.Errorf("%d %v", code, answer)
	}
}

// container sets the state of the pod's container.
func (l lab) container(pod, phase string, state map[string]any) {
	l.t.Helper()
	l.status(pod, map[string]any{"phase": phase, "containerStatuses": []any{map[string]any{
		"name": "main", "image": image, "imageID": image, "ready": false, "restartCount": 0, "state": state,
	}}})
}

func (l lab) runs(pod string) {
	l.t.Helper()
	l.container(pod, "Running", map[string]any{"running": map[string]any{"startedAt": "2026-01-01T00:00:00Z"}})
}

func (l lab) ends(pod string, code int, reason string) {
	l.t.Helper()
	phase := "Succeeded"
	if code != 0 {
		phase = "Failed"
	}
	l.container(pod, phase, map[string]any{"terminated": map[string]any{"exitCode": code, "reason": reason}})
}

// gone makes sure that nothing is left.
func (l lab) gone() {
	l.t.Helper()
	l.until("the end of all Jobs", func() bool { return len(l.jobs()) == 0 })
}

// output serves the logs of all pods, in place of a kubelet; the kubeconfig that
// it returns leads to it.
func (l lab) output(answer func(w http.ResponseWriter, r *http.Request)) string {
	l.t.Helper()
	return l.Proxy(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/log") {
			answer(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// lines are what a kubelet sends.
func lines(from int, words ...string) string {
	var b strings.Builder
	for i, word := range words {
		fmt.Fprintf(&b, "2026-01-01T00:00:00.%09dZ %s\n", from+i, word)
	}
	return b.String()
}
