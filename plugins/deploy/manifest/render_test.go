package manifest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/internal/kube"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	imageDigest = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	modelDigest = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

func plain() manifest.Release {
	return manifest.Release{
		Name: "web", Namespace: "default",
		Image:    "registry.example/web@" + imageDigest,
		Replicas: 2, Port: 8080, User: manifest.DefaultUser,
		Readiness: manifest.Probe{Path: "/readyz"},
		Rolling:   manifest.Rolling{MaxSurge: "1", MaxUnavailable: "0"},
		Progress:  90 * time.Second,
	}
}

func full() manifest.Release {
	r := plain()
	r.Name, r.Namespace = "digits", "models"
	r.Model = &manifest.Model{
		Reference: "registry.example/models/digits@" + modelDigest,
		Digest:    modelDigest,
		MountPath: "/models/digits",
	}
	r.Command, r.Args = []string{"/serve"}, []string{"--model", "/models/digits"}
	r.Env = map[string]string{"WORKERS": "2", "LOG": "info"}
	r.SecretEnv = map[string]manifest.SecretRef{"TOKEN": {Name: "digits-token", Key: "value"}}
	r.GPU = &manifest.GPU{Resource: "nvidia.com/gpu", Count: 2}
	r.CPU, r.Memory = "500m", "1Gi"
	r.Readiness = manifest.Probe{Path: "/healthz", Port: 9090}
	r.Rolling = manifest.Rolling{MaxSurge: "25%", MaxUnavailable: "1"}
	r.Drain = 5 * time.Second
	r.NodeSelector = map[string]string{"pool": "gpu"}
	r.PullSecret = "registry-login"
	r.ServiceAccountAnnotations = map[string]string{"team": "vision"}
	r.FromNamespaces = []string{"gateway"}
	r.EgressCIDRs = []string{"10.0.0.0/8"}
	return r
}

func TestRenderMatchesGolden(t *testing.T) {
	t.Parallel()
	for name, release := range map[string]manifest.Release{"plain": plain(), "full": full()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := manifest.Render(release)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := kube.Canonical(got.Objects)
			if err != nil {
				t.Fatal(err)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, raw, "", "  "); err != nil {
				t.Fatal(err)
			}
			pretty.WriteByte('\n')
			golden := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(golden, pretty.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
				t.Errorf("rendering changed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRenderIsStable(t *testing.T) {
	t.Parallel()
	var first []byte
	for range 20 { // map order differs from one to the next
		got, err := manifest.Render(full())
		if err != nil {
			t.Fatal(err)
		}
		raw, err := kube.Canonical(got)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = raw
		}
		if !bytes.Equal(first, raw) {
			t.Fatalf("two renderings differ:\n%s\n%s", first, raw)
		}
	}
}

func TestRevisionFollowsThePodTemplateAlone(t *testing.T) {
	t.Parallel()
	base := revision(t, full())
	for name, c := range map[string]struct {
		change func(*manifest.Release)
		same   bool
	}{
		"replicas":       {func(r *manifest.Release) { r.Replicas = 9 }, true},
		"who may call":   {func(r *manifest.Release) { r.FromNamespaces = nil }, true},
		"update bounds":  {func(r *manifest.Release) { r.Rolling.MaxSurge = "3" }, true},
		"image":          {func(r *manifest.Release) { r.Image = "registry.example/web@" + modelDigest }, false},
		"model":          {func(r *manifest.Release) { r.Model.Digest = imageDigest }, false},
		"environment":    {func(r *manifest.Release) { r.Env["LOG"] = "debug" }, false},
		"accelerators":   {func(r *manifest.Release) { r.GPU.Count = 4 }, false},
		"no model":       {func(r *manifest.Release) { r.Model = nil }, false},
		"readiness path": {func(r *manifest.Release) { r.Readiness.Path = "/" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := full()
			c.change(&r)
			if got := revision(t, r); (got == base) != c.same {
				t.Errorf("revision %s, base %s, want same: %v", got, base, c.same)
			}
		})
	}
}

func revision(t *testing.T, r manifest.Release) string {
	t.Helper()
	got, err := manifest.Render(r)
	if err != nil {
		t.Fatal(err)
	}
	return got.Revision
}

// The hardening is what policies rest on: it must hold for every release.
func TestEveryPodIsHardened(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]manifest.Release{"plain": plain(), "full": full()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := manifest.Render(r)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := kube.Canonical(got.Objects[3])
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{
				`"allowPrivilegeEscalation":false`, `"privileged":false`, `"readOnlyRootFilesystem":true`,
				`"drop":["ALL"]`, `"runAsNonRoot":true`, `"type":"RuntimeDefault"`,
				`"automountServiceAccountToken":false`,
			} {
				if !strings.Contains(string(raw), want) {
					t.Errorf("the Deployment lacks %s", want)
				}
			}
			if got.Objects[0]["automountServiceAccountToken"] != false {
				t.Error("the ServiceAccount mounts its token")
			}
		})
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	got, err := kube.Canonical(struct {
		Z string         `json:"z"`
		A map[string]any `json:"a"`
		N json.Number    `json:"n"`
	}{Z: "<&>", A: map[string]any{"b": int64(1 << 60), "a": nil}, N: "1.50"})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"a":{"a":null,"b":1152921504606846976},"n":1.50,"z":"<&>"}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCloneIsDeep(t *testing.T) {
	t.Parallel()
	got, err := manifest.Render(full())
	if err != nil {
		t.Fatal(err)
	}
	o := got.Objects[3]
	c := o.Clone()
	spec, _ := c.At("spec", "template", "spec").(map[string]any)
	spec["containers"] = nil
	if o.At("spec", "template", "spec", "containers") == nil {
		t.Error("a change of the copy shows in the original")
	}
}
