package runstatetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// watchStops hands on what the writer of a run is asked, until end is called.
func watchStops(t *testing.T, r runstate.Run) (requests <-chan runstate.StopRequest, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	found, done := make(chan runstate.StopRequest, 10), make(chan error, 1)
	go func() { done <- r.Stops(ctx, func(req runstate.StopRequest) { found <- req }) }()
	return found, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Stops = %v", err)
		}
	}
}

func request(mode event.StopMode) runstate.StopRequest {
	return runstate.StopRequest{Mode: mode, By: "ada", Reason: "wrong data", At: time.Date(2026, 11, 25, 15, 0, 0, 0, time.UTC)}
}

func stop(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	requests, end := watchStops(t, r)
	// Each mode can follow, be said again, and come after a harder one.
	for _, mode := range append(event.StopModes(), event.StopNow, event.StopAfterCurrent) {
		if err := open().Stop(t.Context(), r.ID(), request(mode)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(request(mode), <-requests); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	}
	end()
	if err := open().Stop(t.Context(), r.ID(), runstate.StopRequest{Mode: "gently"}); err == nil {
		t.Error("an unknown mode is accepted")
	}
}

func stopDead(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	_, end := watchStops(t, r)
	end()
	closeRun(t, r)
	if err := open().Stop(t.Context(), r.ID(), request(event.StopNow)); !errors.Is(err, runstate.ErrNotRunning) {
		t.Errorf("Stop of a run that nobody writes = %v, want ErrNotRunning", err)
	}
	if err := open().Stop(t.Context(), "20000101-000000-aaaa", request(event.StopNow)); !errors.Is(err, runstate.ErrNotFound) {
		t.Errorf("Stop of no run = %v, want ErrNotFound", err)
	}
	// The next writer hears of what is asked of it alone.
	again, err := open().Open(t.Context(), r.ID())
	if err != nil {
		t.Fatal(err)
	}
	requests, end := watchStops(t, again)
	if err := open().Stop(t.Context(), r.ID(), request(event.StopCleanup)); err != nil {
		t.Fatal(err)
	}
	end()
	closeRun(t, again)
	if got := <-requests; got.Mode != event.StopCleanup || len(requests) != 0 {
		t.Errorf("%+v, and %d more", got, len(requests))
	}
}

// stopUnread asks a writer that does not look.
func stopUnread(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if err := open().Stop(ctx, r.ID(), request(event.StopNow)); !errors.Is(err, why) {
		t.Errorf("Stop = %v, want the cause", err)
	}
}
