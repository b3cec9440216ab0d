package kubernetes

import (
	"context"
	"fmt"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// rule is what one rule of a role lets the account do.
type rule struct {
	From          string   `json:"from"` // the role
	Verbs         []string `json:"verbs"`
	APIGroups     []string `json:"api_groups"`
	Resources     []string `json:"resources"`
	ResourceNames []string `json:"resource_names"`
	Paths         []string `json:"paths"` // that are no resources
}

// rights are the bindings of the release's account with the rules of their
// roles, as they are in the cluster.
func (s site) rights(ctx context.Context, account string) (rbac, error) {
	out, err := s.bindings(ctx, account)
	if err != nil {
		return rbac{}, err
	}
	seen := make(map[string]bool)
	for _, b := range out.Bindings {
		from := b.RoleKind + " " + b.Role
		if seen[from] {
			continue
		}
		seen[from] = true
		ref := kube.Ref{Kind: b.RoleKind, Name: b.Role}
		if b.RoleKind == "Role" {
			ref.Namespace = s.target.Namespace
		}
		role, err := s.client.Get(ctx, ref)
		if err != nil {
			// One that is not there may be made at any time, with any rules.
			return rbac{}, fmt.Errorf("read %s: %w", from, err)
		}
		list, _ := role["rules"].([]any)
		for _, e := range list {
			m, _ := e.(map[string]any)
			out.Rules = append(out.Rules, rule{
				From: from, Verbs: texts(m["verbs"]), APIGroups: texts(m["apiGroups"]), Resources: texts(m["resources"]),
				ResourceNames: texts(m["resourceNames"]), Paths: texts(m["nonResourceURLs"]),
			})
		}
	}
	return out, nil
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		if text, ok := e.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
