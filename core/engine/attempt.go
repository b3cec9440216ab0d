package engine

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// attempt is one try at a stage.
type attempt struct {
	number int
	wire   *pluginv1.Attempt
	cfg    *configuration
	// What it has made so far.
	artifacts    []event.Artifact
	attestations []event.Attestation
	files        []*pluginv1.ResultFile
}

// tryFunc is the work of one attempt.
type tryFunc func(ctx context.Context, s *stage, a *attempt) event.Finish

// attempts tries a stage until it succeeds, fails for good, or has used its
// tries.
func (r *run) attempts(ctx context.Context, s *stage, cfg *configuration, try tryFunc) result {
	start, before := time.Now(), r.attemptsBefore(s)
	for n := before + 1; ; n++ {
		begin := event.Event{Type: event.AttemptStarted, Stage: s.Name, Attempt: n}
		if err := r.begin(s, begin); err != nil {
			return r.end(s, r.broke(ctx, err))
		}
		finish := r.attempt(ctx, s, cfg, n, try)
		tried := event.Event{Type: event.AttemptFinished, Stage: s.Name, Attempt: n, Finish: attemptEnd(s, finish)}
		if finish.Status == event.Waiting {
			res, goOn := r.await(ctx, s, tried)
			if !goOn {
				return res
			}
			before++ // it was no try
			continue
		}
		if !again(s, finish, n-before) {
			return r.conclude(s, start, finish, tried)
		}
		_ = r.recordEnd(tried)
		if !r.backOff(ctx, s, n, n-before, finish.Failure) {
			return r.conclude(s, start, r.ended(context.Cause(ctx)))
		}
	}
}

// attemptEnd is how an attempt ended, without what the end of its stage says.
// Of what must not happen twice all is said at once: the stage may be gone on
// with from here.
func attemptEnd(s *stage, finish event.Finish) *event.Finish {
	if finish.Status == event.Succeeded && s.Schema.GetEffect() != pluginv1.Effect_EFFECT_PURE {
		return &finish
	}
	return &event.Finish{
		Status: finish.Status, Duration: finish.Duration, Failure: finish.Failure, LogBytes: finish.LogBytes,
		Unanswered: finish.Unanswered,
	}
}

// begin records the start of an attempt. What must not happen twice waits until
// that is durable; a pure stage may simply run again.
func (r *run) begin(s *stage, e event.Event) error {
	if s.Schema.GetEffect() == pluginv1.Effect_EFFECT_PURE {
		return r.note(e)
	}
	return r.record(e)
}

// conclude records the end of a stage, in one write with the events before it.
func (r *run) conclude(s *stage, start time.Time, finish event.Finish, before ...event.Event) result {
	finish.Duration = seconds(time.Since(start))
	_ = r.recordEnd(append(before, event.Event{Type: event.StageFinished, Stage: s.Name, Finish: &finish})...)
	return r.resultOf(s, finish)
}

// attempt gives one try its identity, folder and time limit.
func (r *run) attempt(ctx context.Context, s *stage, cfg *configuration, n int, try tryFunc) event.Finish {
	start := time.Now()
	scratch, err := r.scratch.take()
	if err != nil {
		return errored(ClassScratch, "there is no private folder for the attempt", r.clean(err.Error(), maxDetail))
	}
	if s.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.Timeout, &timeoutError{s.Timeout})
		defer cancel()
	}
	a := &attempt{number: n, cfg: cfg, wire: r.identify(ctx, s, cfg, n, scratch)}
	finish := try(ctx, s, a)
	finish.Duration = seconds(time.Since(start))
	if err := r.scratch.give(scratch); err != nil {
		r.warn(s, "the folder of an attempt could not be removed", err.Error())
	}
	return finish
}

// identify is what the component is told about the attempt.
func (r *run) identify(ctx context.Context, s *stage, cfg *configuration, n int, scratch string) *pluginv1.Attempt {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails since Go 1.24
	a := &pluginv1.Attempt{
		Id:             hex.EncodeToString(id[:]),
		Run:            r.o.RunID,
		Stage:          s.Address(),
		Number:         uint32(n), //nolint:gosec // bounded by the stage's retries
		IdempotencyKey: idempotencyKey(r.o.RunID, s.Address()),
		WorkDir:        r.pipeline.Root,
		ScratchDir:     scratch,
		Heartbeat:      durationpb.New(r.o.Heartbeat),
		Environment:    cfg.environment,
		Source: &pluginv1.Source{
			Commit: r.info.Commit, Ref: r.info.Ref, Clean: r.info.Clean,
			Repository: r.o.Repository, PipelineDigest: r.info.Digest,
		},
	}
	if deadline, ok := ctx.Deadline(); ok {
		a.Deadline = timestamppb.New(deadline)
	}
	return a
}

// idempotencyKey is the same for every attempt at a stage of a run.
func idempotencyKey(run, stage string) string {
	sum := sha256.Sum256([]byte(run + "\x00" + stage))
	return hex.EncodeToString(sum[:])
}

func (a *attempt) scope(s *stage) Scope { return Scope{AttemptID: a.wire.GetId(), Secrets: s.Secrets} }

// ended is the end of what its context stopped.
func (r *run) ended(cause error) event.Finish {
	var timeout *timeoutError
	var record *RecordError
	switch {
	case errors.As(cause, &timeout):
		return errored(ClassTimeout, fmt.Sprintf("it took longer than its timeout of %s", timeout.limit), "Raise timeout, or make the stage faster.")
	case errors.As(cause, &record):
		return errored(classOf(cause), "the run cannot be recorded any more", r.clean(cause.Error(), maxDetail))
	default:
		return event.Finish{Status: event.Cancelled, Failure: &event.Failure{
			Summary: "cancelled: " + r.clean(cause.Error(), maxLine), Class: ClassCancelled,
		}}
	}
}

// broke is the end of what an error of the runner or of a plugin stopped.
func (r *run) broke(ctx context.Context, err error) event.Finish {
	if ctx.Err() != nil {
		return r.ended(context.Cause(ctx))
	}
	var plugin *PluginError
	if !errors.As(err, &plugin) {
		return errored(classOf(err), r.clean(err.Error(), maxLine), "")
	}
	detail := ""
	if plugin.LastWords != "" {
		detail = "The last that it wrote to its standard error:\n" + plugin.LastWords
	}
	return errored(classOf(err), r.clean(plugin.Error(), maxLine), r.clean(detail, maxDetail))
}
