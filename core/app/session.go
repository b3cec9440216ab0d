package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/operator"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/sdk/decision"
)

// session is what most commands start from: the operator's configuration and
// the folder with the state.
type session struct {
	operator *operator.Config
	home     string
	keeper   keeper
	// push is what started the run that the session is for; nil by hand.
	push *operator.Push
}

func (a *app) session() (*session, error) {
	config, diags, err := operator.Find(a.env)
	if err != nil {
		return nil, usage(err)
	}
	if diags.HasErrors() {
		var sources map[string][]byte
		if config != nil {
			sources = config.Sources
		}
		return nil, a.refuse(diags, sources)
	}
	home, err := config.HomeDir(a.env)
	if err != nil {
		return nil, usage(err)
	}
	return &session{operator: config, home: home}, nil
}

// store opens the run store.
func (s *session) store() (*runstate.FileStore, error) {
	store, err := runstate.OpenFileStore(runstate.FileOptions{Home: s.home})
	if err != nil {
		if _, ok := errors.AsType[*runstate.HomeError](err); ok {
			return nil, usage(err)
		}
		return nil, fmt.Errorf("open the run store: %w", err)
	}
	return store, nil
}

func (s *session) path(parts ...string) string {
	return filepath.Join(append([]string{s.home}, parts...)...)
}

// document is a stored statement about an artifact.
func (s *session) document(_ context.Context, digest string) (data []byte, err error) {
	store, err := s.store()
	if err != nil {
		return nil, err
	}
	f, err := store.Blobs().Open(digest)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if data, err = io.ReadAll(io.LimitReader(f, decision.MaxStatement+1)); err == nil && len(data) > decision.MaxStatement {
		return nil, fmt.Errorf("the statement %s has more than %d bytes", digest, decision.MaxStatement)
	}
	return data, err
}

// trustRoot and decisionKey are where decisions are verified and signed.
func (s *session) trustRoot() string   { return s.path("keys", "decision.pub") }
func (s *session) decisionKey() string { return s.path("keys", "decision.key") }

// refuse shows diagnostics and ends with the code of a bad configuration.
func (a *app) refuse(diags diag.List, sources map[string][]byte) error {
	a.show(diags, sources)
	return errShown(exitUsage)
}

// show prints diagnostics: for people, or in the place of a program's answer
// when they are the reason that there is none.
func (a *app) show(diags diag.List, sources map[string][]byte) {
	if a.machine.reads && !a.machine.answered && diags.HasErrors() {
		a.document(diags)
		return
	}
	width, _ := terminal(a.Stderr)
	_ = diag.Render(a.Stderr, diags.Sorted(), sources, diag.Options{Color: a.color(a.Stderr), Width: width}) // nowhere else to complain
}
