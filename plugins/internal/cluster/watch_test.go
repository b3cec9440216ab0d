package cluster_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"go.uber.org/goleak"
)

func named(name, version string) map[string]any {
	o := service()
	o["metadata"] = map[string]any{"name": name, "namespace": "n", "resourceVersion": version}
	return o
}

// stream answers lists and watches of Services. Each watch tells of one object;
// the first then breaks off.
func stream(t *testing.T, watches *atomic.Int64) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") != "true" {
			reply(w, http.StatusOK, map[string]any{
				"apiVersion": "v1", "kind": "ServiceList", "metadata": map[string]any{"resourceVersion": "1"},
				"items": []any{named("listed", "1")},
			})
			return
		}
		if r.URL.Query().Get("sendInitialEvents") == "true" {
			reply(w, http.StatusUnprocessableEntity, status(422, "Invalid", "sendInitialEvents is forbidden"))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		n := watches.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "ADDED", "object": named(fmt.Sprintf("watched-%d", n), "2")})
		w.(http.Flusher).Flush()
		if n == 1 {
			panic(http.ErrAbortHandler)
		}
		<-r.Context().Done()
	}
}

// until waits for a condition of a watch.
func until(t *testing.T, w *cluster.Watch, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-w.Changed():
		case <-deadline:
			t.Fatalf("%s did not happen: %v", what, w.Err())
		}
	}
}

func TestAWatchThatBreaksOffIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	var watches atomic.Int64
	client := open(t, stream(t, &watches))
	w, err := client.Watch(t.Context(), cluster.Query{Kind: "Service", Namespace: "n"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	until(t, w, "the second watch", func() bool {
		objects, _ := w.Objects(0)
		return slices.ContainsFunc(objects, func(o kube.Object) bool { return o.Ref().Name == "watched-2" })
	})
}

func TestAWatchThatIsForbiddenSaysSo(t *testing.T) {
	t.Parallel()
	client := open(t, func(rw http.ResponseWriter, _ *http.Request) {
		reply(rw, http.StatusForbidden, status(403, "Forbidden", "no"))
	})
	w, err := client.Watch(t.Context(), cluster.Query{Kind: "Service", Namespace: "n"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	until(t, w, "the error", func() bool { return cluster.KindOf(w.Err()) == cluster.Forbidden })
	if _, listed := w.Objects(0); listed {
		t.Error("what was refused counts as listed")
	}
}

func TestCloseLeavesNothing(t *testing.T) { //nolint:paralleltest // it counts goroutines
	before := goleak.IgnoreCurrent()
	var watches atomic.Int64
	server := stream(t, &watches)
	client := open(t, server)
	w, err := client.Watch(t.Context(), cluster.Query{Kind: "Service", Namespace: "n"})
	if err != nil {
		t.Fatal(err)
	}
	until(t, w, "the list", func() bool { _, listed := w.Objects(0); return listed })
	w.Close()
	client.Close()
	goleak.VerifyNone(t, before,
		goleak.IgnoreAnyFunction("net/http/httptest.(*Server).goServe.func1"),
		goleak.IgnoreAnyFunction("net/http.(*conn).serve"))
}

func TestAnUnknownKindIsNotWatched(t *testing.T) {
	t.Parallel()
	client := open(t, func(http.ResponseWriter, *http.Request) {})
	if _, err := client.Watch(t.Context(), cluster.Query{Kind: "Ingress"}); err == nil {
		t.Error("no error")
	}
}
