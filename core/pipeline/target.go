package pipeline

import (
	"slices"
	"strings"
)

// Only is the part of a pipeline that is there for some targets: the stages that
// they name, and all that those need. A target is a name or an address of a
// stage, that of a block, which means all its instances, or that of a module,
// which means all its stages. Unknown are the targets that are none of these.
func (p *Pipeline) Only(targets []string) (part *Pipeline, unknown []string) {
	byName := make(map[string]*Stage, len(p.Stages))
	for _, s := range p.Stages {
		byName[s.Name] = s
	}
	wanted := make(map[string]bool)
	var next []*Stage
	for _, target := range targets {
		found := false
		for _, s := range p.Stages {
			if s.isPartOf(StageName(target)) {
				found = true
				next = append(next, s)
			}
		}
		if !found {
			unknown = append(unknown, target)
		}
	}
	for ; len(next) > 0; next = next[1:] {
		if wanted[next[0].Name] {
			continue
		}
		wanted[next[0].Name] = true
		for _, need := range next[0].Needs {
			if s := byName[need]; s != nil {
				next = append(next, s)
			}
		}
	}
	out := *p
	out.Stages = slices.DeleteFunc(slices.Clone(p.Stages), func(s *Stage) bool { return !wanted[s.Name] })
	return &out, unknown
}

func (s *Stage) isPartOf(target string) bool {
	switch {
	case target == s.Name || target == s.Block:
		return true
	case !strings.HasPrefix(target, modulePrefix):
		return false
	default:
		rest, ok := strings.CutPrefix(s.Name, target)
		return ok && (strings.HasPrefix(rest, "."+stagePrefix) || strings.HasPrefix(rest, "."+modulePrefix))
	}
}

// Targets are the addresses that name something of the pipeline: its modules,
// blocks and stages.
func (p *Pipeline) Targets() []string {
	var out []string
	for _, s := range p.Stages {
		out = append(out, s.Address(), StageAddress(s.Block))
		// module.a.module.b.stage.c is in module.a and in module.a.module.b.
		for at := 0; strings.HasPrefix(s.Name[at:], modulePrefix); {
			end := strings.IndexByte(s.Name[at+len(modulePrefix):], '.')
			if end < 0 {
				break
			}
			end += at + len(modulePrefix)
			out = append(out, s.Name[:end])
			at = end + 1
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
