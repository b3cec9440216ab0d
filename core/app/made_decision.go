package app

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
)

// madeDecision is a decision on record.
type madeDecision struct {
	event.Decision
	at string // the stage at which it was made
}

// about is what it was made about: a deployer stage, or else what a policy
// stage has looked at.
func (d madeDecision) about() string {
	if d.For != "" {
		return d.For
	}
	return d.at
}

// decisions are the last ones about each stage, in order. A stage that is named
// is the one that they are about, or at which they were made.
func (k *keptRun) decisions(stage string) ([]madeDecision, error) {
	stage = pipeline.StageName(stage)
	if stage != "" && k.state.Stage(stage) == nil {
		return nil, usage(fmt.Errorf("run %s has no stage %q; it has %s", k.state.ID, stage, stageNames(k.state)))
	}
	var out []madeDecision
	for _, e := range k.history.Events {
		if e.Type != event.DecisionMade || e.Decision == nil {
			continue
		}
		d := madeDecision{Decision: *e.Decision, at: e.Stage}
		if stage != "" && stage != d.at && stage != d.For {
			continue
		}
		out = slices.DeleteFunc(out, func(before madeDecision) bool { return before.about() == d.about() })
		out = append(out, d)
	}
	if len(out) == 0 {
		where := "in run " + k.state.ID
		if stage != "" {
			where = fmt.Sprintf("about stage %q of run %s", stage, k.state.ID)
		}
		return nil, usage(fmt.Errorf("no decision was made %s", where))
	}
	return out, nil
}

// decision is the one that is meant.
func (k *keptRun) decision(stage string) (madeDecision, error) {
	all, err := k.decisions(stage)
	if err != nil {
		return madeDecision{}, err
	}
	if len(all) > 1 {
		names := make([]string, len(all))
		for i, d := range all {
			names[i] = d.about()
		}
		return madeDecision{}, usage(fmt.Errorf("run %s has decisions about %s: name one of them", k.state.ID, strings.Join(names, ", ")))
	}
	return all[0], nil
}

// judged is the document that a decision was made about; nil when it was not
// kept.
func (k *keptRun) judged(d madeDecision) ([]byte, error) {
	if d.Input == "" {
		return nil, nil
	}
	data, err := readBlob(k.store.Blobs(), d.Input)
	if err != nil {
		return nil, fmt.Errorf("read what was judged: %w", err)
	}
	return data, nil
}

// notKept is why there is no document of a decision.
func (k *keptRun) notKept(d madeDecision) error {
	why := "it was made before documents were kept, or about none"
	if d.InputWithheld != "" {
		why = d.InputWithheld
	}
	return usage(fmt.Errorf("run %s did not keep what was judged about %s: %s", k.state.ID, d.about(), why))
}
