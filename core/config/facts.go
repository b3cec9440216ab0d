package config

import (
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// Git is what is known about the source tree. Empty texts become null.
type Git struct {
	Commit     string // full id
	Ref        string // full name, for example refs/heads/main
	Clean      bool
	Repository string // address without credentials
}

// Run is what a run knows about itself.
type Run struct {
	ID        string
	StartedAt time.Time
}

// shortCommit is how many digits git.short_commit has.
const shortCommit = 12

func (g Git) value() cty.Value {
	branch, isBranch := strings.CutPrefix(g.Ref, "refs/heads/")
	tag, isTag := strings.CutPrefix(g.Ref, "refs/tags/")
	return cty.ObjectVal(map[string]cty.Value{
		"commit":       textOrNull(g.Commit, true),
		"short_commit": textOrNull(g.Commit[:min(shortCommit, len(g.Commit))], true),
		"ref":          textOrNull(g.Ref, true),
		"branch":       textOrNull(branch, isBranch),
		"tag":          textOrNull(tag, isTag),
		"clean":        cty.BoolVal(g.Clean),
		"repository":   textOrNull(g.Repository, true),
	})
}

func textOrNull(s string, there bool) cty.Value {
	if !there || s == "" {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(s)
}

// runValue is the facts of a run; unknown before there is one.
func runValue(r *Run) cty.Value {
	id, started := cty.UnknownVal(cty.String).RefineNotNull(), cty.UnknownVal(cty.String).RefineNotNull()
	if r != nil {
		id, started = cty.StringVal(r.ID), cty.StringVal(r.StartedAt.UTC().Format(time.RFC3339))
	}
	return cty.ObjectVal(map[string]cty.Value{"id": id, "started_at": started})
}

func pathValue(root, cwd, module string) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{
		"root": cty.StringVal(root), "cwd": textOrNull(cwd, true), "module": cty.StringVal(module),
	})
}
