package app

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/stagegate/stagegate/core/module"
)

// moduleStore is the store of fetched modules.
func (a *app) moduleStore(s *session) *module.Store {
	return module.NewStore(module.Options{
		Folder: s.path("modules"), Allowed: s.operator.ModuleSources, LookupEnv: a.lookupEnv,
	})
}

// pipelineFolder is the folder of a pipeline, which is one itself or a file in
// it: the lock file is there.
func pipelineFolder(path string) string {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return filepath.Dir(path)
	}
	return path
}

// folders adapts what finds modules to the language.
type folders struct {
	ctx    context.Context //nolint:containedctx // the language's interface has none; the load's counts
	folder func(ctx context.Context, source string) (string, error)
}

// Folder is the folder of a source.
func (f folders) Folder(source string) (string, error) { return f.folder(f.ctx, source) }

// lockedModules finds modules by the lock file of a pipeline, which is read
// when the first one is looked for. With fetch, those that the store does not
// have are fetched.
func (a *app) lockedModules(ctx context.Context, s *session, path string, fetch bool) folders {
	open := sync.OnceValues(func() (*module.Pinned, error) {
		lock, err := module.ReadLock(pipelineFolder(path))
		if err != nil {
			return nil, err
		}
		return module.NewPinned(module.PinnedOptions{Store: a.moduleStore(s), Lock: lock, Fetch: fetch}), nil
	})
	return folders{ctx, func(ctx context.Context, source string) (string, error) {
		pinned, err := open()
		if err != nil {
			return "", err
		}
		return pinned.Folder(ctx, source)
	}}
}
