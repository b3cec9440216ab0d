package kubernetes

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// What a person reads has to name the place, and a retry must make sense.
func TestExplain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind      cluster.Kind
		class     string
		transient bool
		says      string
	}{
		"no access":    {cluster.NoAccess, classUnreachable, false, "/home/me/.kube/config"},
		"unreachable":  {cluster.Unreachable, classUnreachable, true, "https://10.0.0.1"},
		"busy":         {cluster.Busy, classUnreachable, true, "https://10.0.0.1"},
		"unauthorized": {cluster.Unauthorized, classAccess, false, "/home/me/.kube/config"},
		"forbidden":    {cluster.Forbidden, classAccess, false, "/home/me/.kube/config"},
		"conflict":     {cluster.Conflict, classConflict, false, `.spec.x is managed by "helm"`},
		"invalid":      {cluster.Invalid, classRefused, false, "the cause"},
		"not found":    {cluster.NotFound, classRefused, false, "the cause"},
		"other":        {cluster.Other, classRefused, false, "https://10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, ok := errors.AsType[*sdk.Failure](explain(&cluster.Error{
				Kind: c.kind, Op: "apply Service n/a", Source: "/home/me/.kube/config", Address: "https://10.0.0.1",
				Conflicts: []cluster.FieldConflict{{Manager: "helm", Field: ".spec.x"}}, Err: errors.New("the cause"),
			}))
			if !ok || f.Class != c.class || f.Transient != c.transient || !strings.Contains(f.Error()+f.Detail, c.says) {
				t.Errorf("got %+v", f)
			}
		})
	}
	if other := explain(io.EOF); !errors.Is(other, io.EOF) || len(other.Error()) != 3 {
		t.Errorf("another error becomes %v", other)
	}
}

func TestBinds(t *testing.T) {
	t.Parallel()
	s := site{target: target{Namespace: "models"}}
	for name, c := range map[string]struct {
		subject map[string]any
		want    bool
	}{
		"itself":               {map[string]any{"kind": "ServiceAccount", "name": "digits", "namespace": "models"}, true},
		"of another namespace": {map[string]any{"kind": "ServiceAccount", "name": "digits", "namespace": "other"}, false},
		"another account":      {map[string]any{"kind": "ServiceAccount", "name": "other", "namespace": "models"}, false},
		"by its user name":     {map[string]any{"kind": "User", "name": "system:serviceaccount:models:digits"}, true},
		"all accounts":         {map[string]any{"kind": "Group", "name": "system:serviceaccounts"}, true},
		"all of the namespace": {map[string]any{"kind": "Group", "name": "system:serviceaccounts:models"}, true},
		"some people":          {map[string]any{"kind": "Group", "name": "admins"}, false},
	} {
		if got := s.binds(kube.Object{"subjects": []any{c.subject}}, "digits"); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestAFactThatIsNotKnownHasNoValue(t *testing.T) {
	t.Parallel()
	f := fact("access.rbac", "the cluster x", rbac{}, errors.New("forbidden"))
	if f.State != sdk.FactUnknown || f.Value != nil || !strings.Contains(f.Source, "forbidden") {
		t.Errorf("got %+v", f)
	}
}

func TestNodesThatMayNotBeReadRefuseNothing(t *testing.T) {
	t.Parallel()
	r := manifest.Release{Replicas: 9, GPU: &manifest.GPU{Resource: "nvidia.com/gpu", Count: 99}}
	w := survey{unknown: "nodes is forbidden"}.choose(r, sdk.Config{})
	if len(w.found) != 0 || len(w.notes) != 1 || !strings.Contains(w.notes[0], "nothing is proven") {
		t.Errorf("got %+v", w)
	}
	if got := offered(nil); !strings.Contains(got, "device plugin") {
		t.Errorf("got %q", got)
	}
}

func TestAProblemIsSaidOnce(t *testing.T) {
	t.Parallel()
	out := &recorder{}
	f := newFollower(nil, handle{Release: release{Replicas: 2}}, out)
	status := rollout.Status{Ready: 1, Waiting: "1 of 2 replicas are ready", Problems: []rollout.Problem{
		{Class: rollout.Loading, Pod: "a", Reason: "NotReady"},
		{Class: rollout.Image, Pod: "b", Node: "n", Reason: "ErrImagePull", Message: "no such digest"},
	}}
	f.tell(status)
	f.tell(status)
	if want := "1 of 2 replicas are ready\npod b on n: ErrImagePull: no such digest\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if out.current != 1 || out.total != 2 {
		t.Errorf("progress %d of %d", out.current, out.total)
	}
}

type recorder struct {
	strings.Builder
	current, total int64
}

func (r *recorder) Progress(_ string, current, total int64, _ string) {
	r.current, r.total = current, total
}
func (r *recorder) Stdout() io.Writer { return r }
func (r *recorder) Stderr() io.Writer { return io.Discard }
