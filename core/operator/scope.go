package operator

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/notify"
)

// Push is what started a run: commits that somebody has pushed. The runner knows
// it from its own hook, so no pipeline can say otherwise.
type Push struct {
	Repository string // folder of the repository that was pushed to
	Ref        string // for example refs/heads/main
}

// Scope says which pushes may use a secret. A run that was started by hand is in
// every scope: whoever can start one has the runner's account, and with it the
// secret.
type Scope struct {
	Repositories []string // patterns; empty means all
	Refs         []string // patterns; empty means all
}

type fileScope struct {
	Repositories []string  `hcl:"repositories,optional"`
	Refs         []string  `hcl:"refs,optional"`
	Range        hcl.Range `hcl:",def_range"`
}

// take checks one block.
func (f *fileScope) take(diags *diag.List) Scope {
	if len(f.Repositories) == 0 && len(f.Refs) == 0 {
		diags.Append(f.Range.Ptr(), "Scope without a limit",
			`Write repositories = ["/srv/git/models.git"], refs = ["refs/heads/main"] or both, with * for any text; or leave the block out: then every pipeline may use the secret.`)
	}
	for _, repository := range f.Repositories {
		if !filepath.IsAbs(repository) && !strings.HasPrefix(repository, "*") {
			diags.Append(f.Range.Ptr(), "Path is not absolute", fmt.Sprintf("A repository is known by the folder that was pushed to: write %q as a whole path.", repository))
		}
	}
	for _, ref := range f.Refs {
		if !strings.HasPrefix(ref, "refs/") && !strings.HasPrefix(ref, "*") {
			diags.Append(f.Range.Ptr(), "Not a whole ref", fmt.Sprintf("%q fits no ref: they begin with refs/, as in refs/heads/main and refs/heads/release/*.", ref))
		}
	}
	return Scope{Repositories: f.Repositories, Refs: f.Refs}
}

// Withholds says why a push does not get a secret, or nothing.
func (c *Config) Withholds(name string, push Push) string {
	scope, limited := c.Scopes[name]
	switch {
	case !limited:
		return ""
	case !notify.Among(scope.Repositories, push.Repository):
		return "no push to " + push.Repository + " gets it"
	case !notify.Among(scope.Refs, push.Ref):
		return "no push to " + push.Ref + " gets it"
	default:
		return ""
	}
}
