package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/trigger"
)

// prePush checks the pipeline of every commit that is pushed, as it is in that
// commit: the work tree may be another.
func (a *app) prePush(ctx context.Context, repository, pipeline string) error {
	updates, err := trigger.ReadPrePush(a.Stdin)
	if err != nil {
		return usage(err)
	}
	checked := make(map[string]bool)
	for _, u := range updates {
		if u.Deleted() || checked[u.New] {
			continue
		}
		checked[u.New] = true
		if err := a.checkCommit(ctx, repository, pipeline, u); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) checkCommit(ctx context.Context, repository, pipeline string, u trigger.Update) (err error) {
	dir, err := os.MkdirTemp("", "stagegate-push-")
	if err != nil {
		return fmt.Errorf("check %s: %w", u.Ref, err)
	}
	defer func() { a.closing(&err, os.RemoveAll(dir)) }()
	tree := filepath.Join(dir, "tree")
	if err := trigger.Checkout(ctx, repository, u.New, tree); err != nil {
		return err
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	masks := redact.New()
	defer hide(masks, &err)
	host, err := a.pluginHost(ctx, s, nil, masks)
	if err != nil {
		return err
	}
	defer a.closeHost(ctx, host, &err)
	l, err := a.load(ctx, s, host, request{path: filepath.Join(tree, pipeline), ref: u.Ref, masks: masks})
	if err != nil {
		return err
	}
	if err := l.validate(ctx, host); err != nil {
		return err
	}
	a.show(within(l.diags, tree), l.sources(tree))
	if l.diags.HasErrors() {
		return usage(fmt.Errorf("the pipeline of %.12s is not valid: the push to %s is stopped", u.New, u.Ref))
	}
	return nil
}

// within names files as they are in the repository, not in the checkout.
func within(in diag.List, tree string) diag.List {
	if tree == "" {
		return in
	}
	out := make(diag.List, len(in))
	for i, d := range in {
		if d.Subject != nil {
			moved := *d.Subject
			moved.Filename = strings.TrimPrefix(moved.Filename, tree+string(filepath.Separator))
			d.Subject = &moved
		}
		if d.Context != nil {
			moved := *d.Context
			moved.Filename = strings.TrimPrefix(moved.Filename, tree+string(filepath.Separator))
			d.Context = &moved
		}
		out[i] = d
	}
	return out
}

// sources are the files by the names that within gives.
func (l *loaded) sources(tree string) map[string][]byte {
	out := make(map[string][]byte)
	for name, content := range l.source.Contents() {
		if tree != "" {
			name = strings.TrimPrefix(name, tree+string(filepath.Separator))
		}
		out[name] = content
	}
	return out
}
