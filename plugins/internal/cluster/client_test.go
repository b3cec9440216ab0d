package cluster_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// open is a client of a server that answers as told.
func open(t *testing.T, answer http.HandlerFunc) *cluster.Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: %q}}],
 contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {}}]}`, server.URL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := cluster.Open(cluster.Access{Kubeconfig: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if client.Address() != server.URL || client.Source() != path {
		t.Errorf("address %s, source %s", client.Address(), client.Source())
	}
	return client
}

// reply writes JSON with a status code.
func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nothing to do
}

func status(code int, reason, message string, causes ...any) map[string]any {
	return map[string]any{
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message,
		"details": map[string]any{"causes": causes},
	}
}

func service() kube.Object {
	return kube.Object{"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "digits", "namespace": "n"}}
}

func TestApplySendsExactlyTheObject(t *testing.T) {
	t.Parallel()
	var got, query string
	client := open(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got, query = r.Method+" "+r.URL.Path+" "+string(raw), r.URL.Query().Encode()
		w.Header().Set("Warning", `299 - "spec.x is deprecated"`)
		reply(w, http.StatusOK, service())
	})
	for range 2 {
		if _, err := client.Apply(t.Context(), service(), cluster.ApplyOptions{DryRun: true, Force: true}); err != nil {
			t.Fatal(err)
		}
	}
	if want := `PATCH /api/v1/namespaces/n/services/digits {"apiVersion":"v1","kind":"Service","metadata":{"name":"digits","namespace":"n"}}`; got != want {
		t.Errorf("sent %s\nwant %s", got, want)
	}
	if want := "dryRun=All&fieldManager=stagegate&fieldValidation=Strict&force=true"; query != want {
		t.Errorf("query %s, want %s", query, want)
	}
	if diff := cmp.Diff([]string{"spec.x is deprecated"}, client.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestErrorsHaveAKind(t *testing.T) {
	t.Parallel()
	conflict := map[string]any{"reason": "FieldManagerConflict", "message": `conflict with "kubectl" using apps/v1`, "field": ".spec.replicas"}
	for name, c := range map[string]struct {
		code   int
		answer map[string]any
		want   cluster.Kind
	}{
		"unauthorized":      {401, status(401, "Unauthorized", "no"), cluster.Unauthorized},
		"forbidden":         {403, status(403, "Forbidden", "no"), cluster.Forbidden},
		"not found":         {404, status(404, "NotFound", "no"), cluster.NotFound},
		"invalid":           {422, status(422, "Invalid", "no"), cluster.Invalid},
		"field conflict":    {409, status(409, "Conflict", "no", conflict), cluster.Conflict},
		"changed meanwhile": {409, status(409, "Conflict", "the object has been modified"), cluster.Other},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			client := open(t, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				reply(w, c.code, c.answer)
			})
			_, err := client.Apply(t.Context(), service(), cluster.ApplyOptions{})
			e, ok := errors.AsType[*cluster.Error](err)
			if !ok || e.Kind != c.want || !strings.HasPrefix(err.Error(), "apply Service n/digits: ") {
				t.Fatalf("got %v", err)
			}
			if c.want == cluster.Conflict && !cmp.Equal(e.Conflicts, []cluster.FieldConflict{{Manager: "kubectl", Field: ".spec.replicas"}}) {
				t.Errorf("conflicts %v", e.Conflicts)
			}
			if calls.Load() != 1 {
				t.Errorf("a refusal was asked for %d times", calls.Load())
			}
		})
	}
}

func TestABusyServerIsAskedAFewTimes(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	client := open(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		reply(w, http.StatusServiceUnavailable, status(503, "ServiceUnavailable", "etcd is away"))
	})
	_, err := client.Get(t.Context(), service().Ref())
	if cluster.KindOf(err) != cluster.Busy || calls.Load() != 5 {
		t.Errorf("%d calls, %v", calls.Load(), err)
	}
}

func TestListReadsAllPages(t *testing.T) {
	t.Parallel()
	client := open(t, func(w http.ResponseWriter, r *http.Request) {
		next := map[string]string{"": "2", "2": "3", "3": ""}[r.URL.Query().Get("continue")]
		reply(w, http.StatusOK, map[string]any{
			"apiVersion": "v1", "kind": "ServiceList", "metadata": map[string]any{"continue": next}, "items": []any{service()},
		})
	})
	got, err := client.List(t.Context(), "Service", "n", "a=b")
	if err != nil || len(got) != 3 {
		t.Errorf("%d objects, %v", len(got), err)
	}
}

func TestAListWithoutEndIsRefused(t *testing.T) {
	t.Parallel()
	items := make([]any, 5000)
	for i := range items {
		items[i] = map[string]any{"apiVersion": "v1", "kind": "Service"}
	}
	client := open(t, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{
			"apiVersion": "v1", "kind": "ServiceList", "metadata": map[string]any{"continue": "more"}, "items": items,
		})
	})
	if _, err := client.List(t.Context(), "Service", "", ""); !errors.Is(err, cluster.ErrTooMany) {
		t.Errorf("got %v", err)
	}
}

func TestDeleteIsOfThatObjectAlone(t *testing.T) {
	t.Parallel()
	var body string
	client := open(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		body = string(raw)
		reply(w, http.StatusConflict, status(409, "Conflict", "the UID does not match"))
	})
	if err := client.Delete(t.Context(), service().Ref(), "the-uid"); err != nil {
		t.Errorf("another object of that name: %v", err)
	}
	if !strings.Contains(body, `"preconditions":{"uid":"the-uid"}`) {
		t.Errorf("sent %s", body)
	}
}

func TestDeniedKeepsTheOrder(t *testing.T) {
	t.Parallel()
	client := open(t, func(w http.ResponseWriter, r *http.Request) {
		var review kube.Object
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			t.Error(err)
		}
		verb := review.Text("spec", "resourceAttributes", "verb")
		review["status"] = map[string]any{"allowed": verb == "get"}
		reply(w, http.StatusCreated, review)
	})
	var rights []cluster.Right
	for i := range 20 {
		rights = append(rights, cluster.Right{Verb: "get", Kind: "Pod", Namespace: "n"},
			cluster.Right{Verb: "patch", Kind: "Deployment", Namespace: "n", Name: fmt.Sprint(i)})
	}
	denied, err := client.Denied(t.Context(), rights)
	if err != nil || len(denied) != 20 {
		t.Fatalf("%v, %v", denied, err)
	}
	if got, want := denied[19].String(), "patch deployments.apps 19 in namespace n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnUnknownKindIsAnError(t *testing.T) {
	t.Parallel()
	client := open(t, func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") })
	if _, err := client.Get(t.Context(), kube.Ref{Kind: "Ingress", Name: "x"}); err == nil {
		t.Error("no error")
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	client := open(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.String())
	})
	got, err := client.Logs(t.Context(), kube.Ref{Kind: "Pod", Namespace: "n", Name: "p"}, "server", 50, true)
	if want := "/api/v1/namespaces/n/pods/p/log?container=server&tailLines=50&limitBytes=65536&previous=true"; string(got) != want || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	var query string
	client := open(t, func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.Query().Encode()
		if strings.HasSuffix(r.URL.Path, "/waits/log") {
			reply(w, http.StatusBadRequest, status(400, "BadRequest", `container "main" is waiting to start`))
			return
		}
		fmt.Fprint(w, "2026-01-02T03:04:05.000000006Z hello\n")
	})
	since := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	out, err := client.Follow(t.Context(), kube.Ref{Kind: "Pod", Namespace: "n", Name: "writes"}, "main", since)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if text, err := io.ReadAll(out); err != nil || string(text) != "2026-01-02T03:04:05.000000006Z hello\n" {
		t.Errorf("%q, %v", text, err)
	}
	if want := "container=main&follow=true&sinceTime=2026-01-02T03%3A04%3A05Z&timestamps=true"; query != want {
		t.Errorf("query %s, want %s", query, want)
	}
	_, err = client.Follow(t.Context(), kube.Ref{Kind: "Pod", Namespace: "n", Name: "waits"}, "main", time.Time{})
	if cluster.KindOf(err) != cluster.Invalid || !strings.Contains(err.Error(), `container "main" is waiting to start`) {
		t.Errorf("got %v", err)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	client := open(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/apis/"+cluster.KueueGroup {
			http.NotFound(w, r)
			return
		}
		reply(w, http.StatusOK, map[string]any{"kind": "APIGroup", "versions": []any{map[string]any{"version": "v1beta2"}, map[string]any{"version": "v1beta1"}}})
	})
	for group, want := range map[string][]string{cluster.KueueGroup: {"v1beta2", "v1beta1"}, "none.example": nil} {
		if got, err := client.Versions(t.Context(), group); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %v", group, got, err)
		}
	}
}
