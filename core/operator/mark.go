package operator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/notify"
)

type fileMark struct {
	Name         string     `hcl:"name,label"`
	GitHub       *fileForge `hcl:"github,block"`
	GitLab       *fileForge `hcl:"gitlab,block"`
	Gitea        *fileForge `hcl:"gitea,block"`
	Notes        *struct{}  `hcl:"git_notes,block"`
	Repositories []string   `hcl:"repositories,optional"`
	Pipelines    []string   `hcl:"pipelines,optional"`
	Branches     []string   `hcl:"branches,optional"`
	Range        hcl.Range  `hcl:",def_range"`
}

type fileForge struct {
	URL     string    `hcl:"url,optional"`
	Project string    `hcl:"project"`
	Token   string    `hcl:"token_secret"`
	CAFile  string    `hcl:"ca_file,optional"`
	Range   hcl.Range `hcl:",def_range"`
}

// takeMarks reads where commits are marked.
func (c *Config) takeMarks(in []fileMark, diags *diag.List) {
	for _, m := range in {
		if slices.ContainsFunc(c.Marks, func(other notify.Mark) bool { return other.Name == m.Name }) {
			diags.Append(m.Range.Ptr(), "Duplicate mark", fmt.Sprintf("There is another mark %q.", m.Name))
		}
		out := notify.Mark{Name: m.Name, Notes: m.Notes != nil, Repositories: m.Repositories, Pipelines: m.Pipelines, Branches: m.Branches}
		given := 0
		if out.Notes {
			given++
		}
		for _, f := range []struct {
			in   *fileForge
			kind notify.Kind
			url  string
		}{{m.GitHub, notify.GitHub, "https://api.github.com"}, {m.GitLab, notify.GitLab, "https://gitlab.com/api/v4"}, {m.Gitea, notify.Gitea, ""}} {
			if f.in != nil {
				given++
				out.Forge = f.in.take(f.kind, f.url, diags)
			}
		}
		if given != 1 {
			diags.Append(m.Range.Ptr(), "One way for each mark", "Write one of the blocks github, gitlab, gitea and git_notes.")
			continue
		}
		c.Marks = append(c.Marks, out)
		c.own(out.Secrets(), m.Range, diags)
	}
}

func (f *fileForge) take(kind notify.Kind, url string, diags *diag.List) *notify.Forge {
	out := &notify.Forge{Kind: kind, URL: url, Project: f.Project, Token: f.Token, CAFile: f.CAFile}
	if f.URL != "" {
		out.URL = f.URL
	}
	if out.URL == "" {
		diags.Append(f.Range.Ptr(), "Where is the forge?", `Write the address of its API in url, for example "https://git.example.com/api/v1".`)
	} else {
		checkURL(out.URL, f.Range, diags)
	}
	parts := strings.Split(f.Project, "/")
	if slices.Contains(parts, "") || slices.Contains(parts, "..") || len(parts) != 2 && kind != notify.GitLab {
		diags.Append(f.Range.Ptr(), "Not a project", fmt.Sprintf("project is %q; write owner and name, for example \"acme/models\".", f.Project))
	}
	checkCA(f.CAFile, f.Range, diags)
	return out
}
