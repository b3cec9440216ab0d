package kubernetes

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// facts is what policies may rest on. One that could not be found out is there
// as unknown, because a rule must be able to tell it from one that is good.
func (s site) facts(ctx context.Context, c content, r manifest.Release, v survey) []sdk.Fact {
	const planned = "the plan"
	seen := "the cluster " + s.target.ClusterUID
	facts := []sdk.Fact{
		fact("workload.objects", planned, c.Objects, nil),
		fact("workload.images", planned, images(r), nil),
		fact("target.namespace", planned, s.target.Namespace, nil),
		fact("target.environment", planned, s.target.Environment, nil),
		fact("target.strategy", planned, strategyOf(r), nil),
		fact("cluster.uid", seen, s.target.ClusterUID, nil),
		fact("cluster.version", seen, s.target.ClusterVersion, nil),
		fact("access.actor", seen, s.actor, nil),
	}
	classes, err := s.storageClasses(ctx)
	facts = append(facts, fact("storage.classes", seen, classes, err))
	bindings, err := s.rights(ctx, r.Name)
	facts = append(facts, fact("access.rbac", seen, bindings, err))
	facts = append(facts, s.surroundings(ctx, seen)...)
	facts = append(facts, s.sharing(ctx, seen, r), s.previous(ctx, seen, r))
	gpu := sdk.Fact{Name: "cluster.gpu", Source: seen, CheckedAt: time.Now()}
	switch {
	case r.GPU == nil:
		gpu.State = sdk.FactAbsent
	case v.unknown == "":
		gpu = fact("cluster.gpu", seen, v.cluster.Rooms(r.GPU.Resource, r.NodeSelector), nil)
	}
	return append(facts, gpu)
}

func fact(name, source string, value any, err error) sdk.Fact {
	f := sdk.Fact{Name: name, Source: source, CheckedAt: time.Now()}
	if err != nil {
		f.Source += ": " + err.Error()
		return f
	}
	raw, err := json.Marshal(value)
	if err != nil {
		f.Source += ": " + err.Error()
		return f
	}
	f.State, f.Value = sdk.FactVerified, raw
	return f
}

// image is one thing that the pods fetch.
type image struct {
	Ref    string `json:"ref"`
	Pinned bool   `json:"pinned"`
	Use    string `json:"use"` // container server, or volume model
}

func images(r manifest.Release) []image {
	out := []image{{Ref: r.Image, Pinned: strings.Contains(r.Image, "@sha256:"), Use: "container " + manifest.ContainerName}}
	if r.Model != nil {
		out = append(out, image{Ref: r.Model.Reference, Pinned: true, Use: "volume model"})
	}
	return out
}

// storageClass is one way to get a volume.
type storageClass struct {
	Name        string         `json:"name"`
	Provisioner string         `json:"provisioner"`
	Parameters  map[string]any `json:"parameters"`
	Default     bool           `json:"default"`
}

func (s site) storageClasses(ctx context.Context) ([]storageClass, error) {
	list, err := s.client.List(ctx, "StorageClass", "", "")
	if err != nil {
		return nil, err
	}
	out := make([]storageClass, 0, len(list))
	for _, o := range list {
		parameters, _ := o.At("parameters").(map[string]any)
		if parameters == nil {
			parameters = map[string]any{}
		}
		out = append(out, storageClass{
			Name: o.Text("metadata", "name"), Provisioner: o.Text("provisioner"), Parameters: parameters,
			Default: o.Annotation("storageclass.kubernetes.io/is-default-class") == "true",
		})
	}
	return out, nil
}

// rbac is what the release's own account is bound to, and what that lets it do.
type rbac struct {
	Account  string    `json:"account"`
	Bindings []binding `json:"bindings"`
	Rules    []rule    `json:"rules"`
}

type binding struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	RoleKind string `json:"role_kind"`
	Role     string `json:"role"`
}

func (s site) bindings(ctx context.Context, account string) (rbac, error) {
	out := rbac{Account: "system:serviceaccount:" + s.target.Namespace + ":" + account, Bindings: []binding{}, Rules: []rule{}}
	for _, in := range []struct{ kind, namespace string }{{"RoleBinding", s.target.Namespace}, {"ClusterRoleBinding", ""}} {
		list, err := s.client.List(ctx, in.kind, in.namespace, "")
		if err != nil {
			return rbac{}, err
		}
		for _, o := range list {
			if s.binds(o, account) {
				out.Bindings = append(out.Bindings, binding{
					Kind: in.kind, Name: o.Text("metadata", "name"),
					RoleKind: o.Text("roleRef", "kind"), Role: o.Text("roleRef", "name"),
				})
			}
		}
	}
	return out, nil
}

// binds reports whether a binding gives rights to the account, be it by the
// groups that every account of the namespace or of the cluster is in.
func (s site) binds(o kube.Object, account string) bool {
	subjects, _ := o["subjects"].([]any)
	for _, e := range subjects {
		m, _ := e.(map[string]any)
		subject := kube.Object(m)
		switch name := subject.Text("name"); subject.Text("kind") {
		case "ServiceAccount":
			if name == account && subject.Text("namespace") == s.target.Namespace {
				return true
			}
		case "Group":
			if name == "system:authenticated" || name == "system:serviceaccounts" || name == "system:serviceaccounts:"+s.target.Namespace {
				return true
			}
		case "User":
			if name == "system:serviceaccount:"+s.target.Namespace+":"+account {
				return true
			}
		}
	}
	return false
}
