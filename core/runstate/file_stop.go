package runstate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/stagegate/stagegate/core/event"
)

// A runner that can be stopped has a mailbox in its run's folder, under a name
// that no other runner will have. A request is a file there, and lives no longer
// than the runner that it is for: one that resumes the run has a mailbox of its
// own. Looking is all that works on every file system, and costs next to
// nothing.
const (
	stopsName = "stops"
	stopPause = 100 * time.Millisecond
	maxStop   = 64 << 10
	asked     = ".json"
	taken     = ".taken"
)

// Stop puts the request into the mailbox of the run's writer, and returns when
// that has taken it out.
func (s *FileStore) Stop(ctx context.Context, id string, req StopRequest) error {
	if err := s.find(id); err != nil {
		return err
	}
	if !slices.Contains(event.StopModes(), req.Mode) {
		return fmt.Errorf("stop run %s: unknown mode %q", id, req.Mode)
	}
	data, err := json.Marshal(req)
	if err != nil {
		return fmt.Errorf("stop run %s: %w", id, err)
	}
	if len(data) > maxStop {
		return fmt.Errorf("stop run %s: the request has %d bytes; it may have %d", id, len(data), maxStop)
	}
	box := ""
	err = every(ctx, func() (done bool, err error) {
		live, err := lockHeld(filepath.Join(s.runDir(id), lockName))
		switch {
		case err != nil:
			return false, err
		case !live:
			return false, ErrNotRunning
		case box == "":
			box, err = s.post(id, req.Mode, data)
			return false, err
		}
		if _, err := os.Lstat(filepath.Join(box, string(req.Mode)+taken)); !errors.Is(err, fs.ErrNotExist) {
			return err == nil, err
		}
		if _, err := os.Lstat(box); errors.Is(err, fs.ErrNotExist) {
			return false, ErrNotRunning // it is ending; another may have the run already
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("stop run %s: %w", id, err)
	}
	return nil
}

// post puts a request into the run's mailbox and says which one that is: none,
// while the writer has not made it yet.
func (s *FileStore) post(id string, mode event.StopMode, data []byte) (box string, err error) {
	boxes, err := filepath.Glob(filepath.Join(s.runDir(id), stopsName, "*"))
	if err != nil || len(boxes) == 0 {
		return "", err
	}
	f, err := os.CreateTemp(boxes[0], "ask-*")
	if err != nil {
		return "", ignoreMissing(err) // its owner has just ended
	}
	_, err = f.Write(data)
	err = errors.Join(err, ownedLike(f, boxes[0]), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(boxes[0], string(mode)+asked))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", errors.Join(err, ignoreMissing(os.Remove(f.Name())))
	}
	return boxes[0], nil
}

// ownedLike lets the runner read what root has written for it.
func ownedLike(f *os.File, dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 && owner.Uid != 0 {
		return f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}

// Stops looks into the mailbox until ctx ends.
func (r *fileRun) Stops(ctx context.Context, take func(StopRequest)) (err error) {
	// What was asked of an earlier writer goes with its mailbox.
	all := filepath.Join(r.dir, stopsName)
	if err := errors.Join(dropMailboxes(all), os.Mkdir(all, dirMode)); err != nil {
		return fmt.Errorf("make mailbox of run %s: %w", r.id, err)
	}
	box, err := os.MkdirTemp(all, "")
	if err != nil {
		return fmt.Errorf("make mailbox of run %s: %w", r.id, err)
	}
	defer func() {
		if end := dropMailboxes(all); err == nil && end != nil {
			err = fmt.Errorf("remove mailbox of run %s: %w", r.id, end)
		}
	}()
	err = every(ctx, func() (bool, error) { return false, empty(box, take) })
	if errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return fmt.Errorf("look into mailbox of run %s: %w", r.id, err)
}

// dropMailboxes removes all mailboxes at a stroke: none can be filled again
// while it goes.
func dropMailboxes(all string) error {
	gone := all + ".gone"
	if err := errors.Join(os.RemoveAll(gone), ignoreMissing(os.Rename(all, gone))); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

// empty takes all requests out of a mailbox, the mildest first. What is none is
// left alone.
func empty(box string, take func(StopRequest)) error {
	for _, mode := range event.StopModes() {
		path := filepath.Join(box, string(mode))
		f, err := os.Open(path + asked)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		data, err := io.ReadAll(io.LimitReader(f, maxStop+1))
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		var req StopRequest
		if err := json.Unmarshal(data, &req); err != nil || req.Mode != mode {
			continue
		}
		take(req)
		if err := os.Rename(path+asked, path+taken); err != nil {
			return err
		}
	}
	return nil
}

// every calls what it is given again and again, until that is done or fails, or
// ctx ends.
func every(ctx context.Context, try func() (done bool, err error)) error {
	ticker := time.NewTicker(stopPause)
	defer ticker.Stop()
	for {
		if done, err := try(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
