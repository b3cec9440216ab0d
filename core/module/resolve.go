package module

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// resolve asks the repository which commit a source means now, and gives the
// full name of its ref.
func resolve(ctx context.Context, g git, s Source) (ref, commit string, err error) {
	if isCommit(s.Ref) {
		return s.Ref, s.Ref, nil
	}
	wanted := []string{"HEAD"}
	switch {
	case strings.HasPrefix(s.Ref, "refs/"):
		wanted = []string{s.Ref}
	case s.Ref != "":
		wanted = []string{"refs/tags/" + s.Ref, "refs/heads/" + s.Ref}
	}
	patterns := append([]string{"ls-remote", "--quiet", "--", s.Repository}, wanted...)
	for _, ref := range wanted {
		if strings.HasPrefix(ref, "refs/tags/") {
			patterns = append(patterns, ref+"^{}") // the commit that an annotated tag is for
		}
	}
	answer, err := g.ask(ctx, patterns...)
	if err != nil {
		return "", "", err
	}
	found := make(map[string]string)
	for line := range strings.Lines(string(answer)) {
		id, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if ok && isCommit(id) {
			found[name] = id
		}
	}
	return choose(s, wanted, found)
}

func choose(s Source, wanted []string, found map[string]string) (ref, commit string, err error) {
	for _, name := range wanted {
		id := found[name]
		if peeled := found[name+"^{}"]; peeled != "" {
			id = peeled
		}
		switch {
		case id == "":
		case commit != "" && id != commit:
			return "", "", fmt.Errorf("%q is both a tag and a branch; write refs/tags/%s or refs/heads/%s", s.Ref, s.Ref, s.Ref)
		case commit == "":
			ref, commit = name, id
		}
	}
	switch {
	case commit != "":
		return ref, commit, nil
	case s.Ref == "":
		return "", "", errors.New("the repository is empty")
	default:
		return "", "", fmt.Errorf("the repository has no tag and no branch %q; a commit is named by its whole id", s.Ref)
	}
}
