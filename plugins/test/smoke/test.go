package smoke

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/stagegate/stagegate/plugins/test/endpoint"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/plugins/test/load"
	"github.com/stagegate/stagegate/plugins/test/report"
	"github.com/stagegate/stagegate/sdk"
)

// Test sends the requests, judges the answers, and states the result about the
// artifact where there is one, a bad result as well as a good one.
func (Component) Test(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	s, diags := settingsOf(req.Config)
	if diags.HasErrors() {
		return nil, sdk.TestReport{}, &sdk.Failure{Summary: diags[0].Summary, Detail: diags[0].Detail, Class: "configuration_invalid"}
	}
	if !artifactUsable(req.Config) {
		return nil, sdk.TestReport{}, &sdk.Failure{Summary: "The artifact has no digest", Detail: noDigest, Class: "artifact_invalid"}
	}
	var err error
	if s.target.Bodies, err = bodies(req.Config, req.Attempt.WorkDir); err != nil {
		return nil, sdk.TestReport{}, err
	}
	if s.target.TLS, err = security(req.Config, req.Attempt.WorkDir); err != nil {
		return nil, sdk.TestReport{}, err
	}
	sender := endpoint.New(s.target)
	defer sender.Close()
	if err := s.await(ctx, sender.Send, out); err != nil {
		return nil, sdk.TestReport{}, err
	}
	fmt.Fprintln(out.Stdout(), s)
	result, err := load.Run(ctx, s.plan, sender.Send, func(done int64) {
		out.Progress("requests", done, s.plan.Expected(), "requests")
	})
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	return s.judged(ctx, req, result, out)
}

// String is what is sent, for people.
func (s settings) String() string {
	text := fmt.Sprintf("%s %s: %d requests, %s a second", s.target.Method, s.shown, s.plan.Expected(), strconv.FormatFloat(s.plan.Rate, 'g', -1, 64))
	if s.plan.WarmUp > 0 {
		text += fmt.Sprintf(", after %s to warm up", s.plan.WarmUp)
	}
	return text
}

// pause is how long lies between two questions whether a server is there.
const pause = 500 * time.Millisecond

// await returns when the server has given a good answer.
func (s settings) await(ctx context.Context, send load.Send, out *sdk.Emitter) error {
	if s.wait == 0 {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	next := time.NewTicker(pause)
	defer next.Stop()
	last := "no whole answer"
	for within.Err() == nil {
		o := send(within, 0)
		switch {
		case o.Reason == "":
			return nil
		case within.Err() == nil && o.Reason != last:
			last = o.Reason
			fmt.Fprintf(out.Stdout(), "waiting for %s: %s\n", s.shown, last)
		}
		select {
		case <-within.Done():
		case <-next.C:
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &sdk.Failure{
		Summary: fmt.Sprintf("%s gave no good answer within %s: %s", s.shown, s.wait, last), Class: "endpoint_not_ready", Transient: true,
		Detail: remedies("Raise wait if the server needs longer to start.", last),
	}
}

// judged weighs the answers, and publishes the report in all of its forms.
func (s settings) judged(ctx context.Context, req sdk.Request, result load.Result, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	e, err := measured(result, s.target.Events)
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	checks, err := judge.Judge(judge.Rules{Thresholds: s.thresholds}, e, nil)
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	r := report.Report{
		Schema: report.Schema, Release: req.Config.String("release"), Target: s.shown, Metrics: report.MetricsOf(e), Checks: checks,
		Inconclusive: judge.Fail, Verdict: judge.Overall(checks, judge.Fail), Curves: curves(result, checks), Failures: failures(result, s.plan),
	}
	if artifact, ok := req.Config.Artifact("artifact"); ok {
		r.Artifact = report.Subject{Name: artifact.Name, Digest: artifact.Digest}
	}
	s.show(r, result, out)
	outputs, err := publish(ctx, req, r, out)
	if err != nil {
		return nil, r.TestReport(), err
	}
	return outputs, r.TestReport(), s.outcome(r, result)
}
