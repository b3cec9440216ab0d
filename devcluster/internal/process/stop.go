package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

const (
	pollInterval = 20 * time.Millisecond
	// killGrace bounds the wait after SIGKILL, which cannot be ignored but may
	// be delayed by the kernel.
	killGrace = 10 * time.Second
	reapGrace = 3 * time.Second
)

// Stop ends the processes: SIGTERM, then SIGKILL for those still alive after
// grace or when ctx ends. Processes that have ended already, or that are not
// the ones meant any more, are left alone. It returns when none is left.
func Stop(ctx context.Context, ids []Identity, cookie string, grace time.Duration) error {
	asked, err := signalAll(ids, cookie, syscall.SIGTERM)
	if err != nil {
		return err
	}
	left := await(ctx, asked, grace)
	if len(left) == 0 {
		return nil
	}
	if left, err = signalAll(left, cookie, syscall.SIGKILL); err != nil {
		return err
	}
	// A cancelled caller still has to learn whether anything was left behind.
	if left = await(context.WithoutCancel(ctx), left, killGrace); len(left) > 0 {
		return fmt.Errorf("processes %v survive SIGKILL", left)
	}
	return nil
}

// AwaitReaped waits a while until the ended processes are off the process table
// too. They hold nothing any more; but whoever looks for leftovers by name
// would still see them, and some machines reap orphans once a second only.
func AwaitReaped(ctx context.Context, ids []Identity) {
	ctx, cancel := context.WithTimeout(ctx, reapGrace)
	defer cancel()
	awaitAll(ctx, ids, func(id Identity) bool {
		current, err := Identify(id.PID)
		return err != nil || current != id
	})
}

func signalAll(ids []Identity, cookie string, signal syscall.Signal) (signalled []Identity, err error) {
	for _, id := range ids {
		sent, sendErr := sendSignal(id, cookie, signal)
		if sendErr != nil {
			err = errors.Join(err, sendErr)
		}
		if sent {
			signalled = append(signalled, id)
		}
	}
	return signalled, err
}

// sendSignal first takes a handle on whatever process has the pid (a pidfd
// where the kernel has them), then checks that it is the right one, then
// signals through the handle: the pid cannot change hands in between.
func sendSignal(id Identity, cookie string, signal syscall.Signal) (sent bool, err error) {
	if id.PID <= 0 {
		return false, nil
	}
	handle, err := os.FindProcess(id.PID)
	if err != nil {
		return false, fmt.Errorf("find process %d: %w", id.PID, err)
	}
	defer func() { _ = handle.Release() }()
	if !id.Alive(cookie) {
		return false, nil
	}
	err = handle.Signal(signal)
	if errors.Is(err, os.ErrProcessDone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("send %v to process %d: %w", signal, id.PID, err)
	}
	return true, nil
}

// await waits until the processes are gone. They carried the cookie when they
// were signalled, so pid and start time will do.
func await(ctx context.Context, ids []Identity, limit time.Duration) (left []Identity) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return awaitAll(ctx, ids, Identity.gone)
}

// awaitAll polls because these processes need not be children of this one. It
// returns those that have not come to what is waited for when ctx ends.
func awaitAll(ctx context.Context, ids []Identity, done func(Identity) bool) (left []Identity) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		ids = slices.DeleteFunc(slices.Clone(ids), done)
		if len(ids) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ids
		case <-ticker.C:
		}
	}
}
