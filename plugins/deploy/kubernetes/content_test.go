package kubernetes

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

func sample(t *testing.T) content {
	t.Helper()
	c, err := contentOf(
		manifest.Release{Name: "digits", Namespace: "default", Image: "r.example/s", Replicas: 2, Port: 8080},
		target{ClusterUID: "uid", ClusterVersion: "v1.37.2", Namespace: "default", Environment: "staging"},
		rollout.Limits{Schedule: 90 * time.Second, Ready: time.Minute},
	)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReadGivesBackWhatWasPlanned(t *testing.T) {
	t.Parallel()
	c := sample(t)
	plan, err := c.plan()
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(plan)
	if err != nil {
		t.Fatal(err)
	}
	again, err := got.plan()
	if err != nil {
		t.Fatal(err)
	}
	if again.Digest != plan.Digest || plan.Environment != "staging" {
		t.Errorf("the plan changes when it is read: %s, %s", plan.Content, again.Content)
	}
	want := rollout.Limits{Schedule: 90 * time.Second, Ready: time.Minute, Waits: map[rollout.Class]time.Duration{}}
	if diff := cmp.Diff(want, got.Limits.limits()); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
	want.Waits[rollout.Image] = 3 * time.Second
	if diff := cmp.Diff(want, limitsAs(want).limits()); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	plan, err := sample(t).plan()
	if err != nil {
		t.Fatal(err)
	}
	changed := plan
	changed.Content = []byte(strings.Replace(string(plan.Content), `"replicas":2`, `"replicas":9`, 1))
	for name, p := range map[string]sdk.Plan{
		"other bytes":    changed,
		"other type":     sdk.NewPlan("text/plain", plan.Content),
		"unknown fields": sdk.NewPlan(planMediaType, []byte(`{"more":1}`)),
		"no JSON":        sdk.NewPlan(planMediaType, []byte(`{`)),
	} {
		_, err := read(p)
		if f, ok := errors.AsType[*sdk.Failure](err); !ok || f.Class != classMismatch {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestDefaultName(t *testing.T) {
	t.Parallel()
	for stage, want := range map[string]string{
		"stage.serve": "serve", `stage.serve["eu west"]`: "serve--eu-west", "stage.Serve_2": "serve-2", "stage.2": "release",
		"stage." + strings.Repeat("a", 80): strings.Repeat("a", 63),
	} {
		if got := defaultName(stage); got != want {
			t.Errorf("%s becomes %q, want %q", stage, got, want)
		}
	}
}

func TestHandle(t *testing.T) {
	t.Parallel()
	h := handle{Version: handleVersion, ClusterUID: "uid", Namespace: "n", Release: release{Name: "a", Revision: "b", Replicas: 2}, Generation: 3}
	raw, err := h.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeHandle(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, bad := range []string{"", "x", `{"version":2}`} {
		if _, err := decodeHandle([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	pod := func(image string, env ...any) kube.Object {
		return kube.Object{
			"metadata": map[string]any{"resourceVersion": image, "generation": int64(len(image))},
			"status":   map[string]any{"x": image},
			"spec": map[string]any{"replicas": int64(len(image)), "containers": []any{
				map[string]any{"name": "server", "image": image, "env": env},
			}},
		}
	}
	variable := func(name, value string) any { return map[string]any{"name": name, "value": value} }
	got := diff(
		pod("a", variable("LOG", "info"), variable("API_TOKEN", "hunter2"), variable("OLD_PASSWORD", "hunter3")),
		pod("bb", variable("LOG", "debug"), variable("API_TOKEN", "hunter4"), variable("NEW", "1")),
	)
	want := strings.Join([]string{
		`~ spec.containers[server].env[API_TOKEN].value: (hidden) → (hidden)`,
		`~ spec.containers[server].env[LOG].value: "info" → "debug"`,
		`+ spec.containers[server].env[NEW]: {"name":"NEW","value":"1"}`,
		`- spec.containers[server].env[OLD_PASSWORD]: {"name":"OLD_PASSWORD","value":"(hidden)"}`,
		`~ spec.containers[server].image: "a" → "bb"`,
		`~ spec.replicas: 1 → 2`,
	}, "\n")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if same := diff(pod("a"), pod("a")); same != "" {
		t.Errorf("equal objects differ: %s", same)
	}
	long := kube.Object{}
	for i := range 3 * maxDiffLines {
		long[strings.Repeat("k", i+1)] = strings.Repeat("v", 2*maxDiffValue)
	}
	if n := strings.Count(diff(kube.Object{}, long), "\n"); n != maxDiffLines {
		t.Errorf("%d lines, want %d", n+1, maxDiffLines+1)
	}
}

func TestBeforePicksTheLatestHealthy(t *testing.T) {
	t.Parallel()
	set := func(revision, ordinal, owner string, healthy bool) kube.Object {
		notes := map[string]any{"deployment.kubernetes.io/revision": ordinal}
		if healthy {
			notes[manifest.AnnotationHealthy] = "true"
		}
		return kube.Object{"metadata": map[string]any{
			"name": revision, "labels": map[string]any{manifest.LabelRevision: revision}, "annotations": notes,
			"ownerReferences": []any{map[string]any{"uid": owner}},
		}}
	}
	live := kube.Object{"metadata": map[string]any{"uid": "d"}}
	for name, c := range map[string]struct {
		sets []kube.Object
		want string
	}{
		"none":                  {nil, ""},
		"only itself":           {[]kube.Object{set("now", "1", "d", true)}, ""},
		"the latest healthy":    {[]kube.Object{set("a", "1", "d", true), set("b", "9", "d", true), set("c", "10", "d", false), set("now", "11", "d", false)}, "b"},
		"none was healthy":      {[]kube.Object{set("a", "9", "d", false), set("b", "10", "d", false)}, "b"},
		"of another deployment": {[]kube.Object{set("a", "1", "other", true)}, ""},
	} {
		if got := before(live, c.sets, "now").Text("metadata", "name"); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
