package app

import (
	"fmt"
	"maps"
	"slices"

	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/operator"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
)

// mask has what is sensitive masked from here on, before any plugin can say
// it. Variables count by themselves and not only as part of an argument: a
// stage may print any piece of what it gets.
func (l *loaded) mask(masks *redact.Redactor) {
	if l.Loaded == nil {
		return
	}
	for _, v := range l.Variables {
		maskSensitive(masks, v.Value)
	}
	for _, with := range l.With {
		maskSensitive(masks, with)
	}
}

func maskSensitive(masks *redact.Redactor, v cty.Value) {
	bare, marks := v.UnmarkDeepWithPaths()
	for _, place := range marks {
		if _, ok := place.Marks[dynamic.Sensitive]; !ok {
			continue
		}
		part, err := place.Path.Apply(bare)
		if err != nil {
			continue // a path that UnmarkDeepWithPaths gave always applies
		}
		_ = cty.Walk(part, func(_ cty.Path, leaf cty.Value) (bool, error) { // the function never fails
			if leaf.Type() == cty.String && leaf.IsKnown() && !leaf.IsNull() {
				// What is too short cannot be masked: the engine warns of it, at
				// the stage that gets it.
				_ = masks.Add(leaf.AsString())
			}
			return true, nil
		})
	}
}

// masked are diagnostics of plugins, without what is sensitive.
func masked(masks *redact.Redactor, d diag.Diagnostic) diag.Diagnostic {
	d.Summary, d.Detail = masks.Text(d.Summary), masks.Text(d.Detail)
	return d
}

// maskedError is an error whose text shows nothing sensitive.
type maskedError struct {
	error
	masks *redact.Redactor
}

// Error is the text, masked.
func (e *maskedError) Error() string { return e.masks.Text(e.error.Error()) }

// Unwrap is the error.
func (e *maskedError) Unwrap() error { return e.error }

// hide masks an error that a command ends with: it is printed, and recorded
// where nobody watches.
func hide(masks *redact.Redactor, err *error) {
	if *err != nil {
		*err = &maskedError{*err, masks}
	}
}

// checkSecrets reports the secrets that nobody has configured, and those that a
// push does not get: that is known before anything runs, and also when nothing
// will.
func (l *loaded) checkSecrets(o *operator.Config, push *operator.Push) {
	configured := o.Secrets
	if l.Loaded == nil {
		return
	}
	for _, stage := range l.Pipeline.Stages {
		for _, name := range stage.Secrets {
			if _, own := o.OwnSecrets[name]; own {
				l.diags.Append(&stage.Range, fmt.Sprintf("Secret %q is the runner's own", name),
					"A target or a mark of the operator's configuration uses it, and no stage gets it. Ask the operator for a secret of your own.")
				continue
			}
			if _, ok := configured[name]; ok && push != nil {
				l.checkPush(stage, name, o.Withholds(name, *push))
			} else if !ok {
				l.diags.Append(&stage.Range, fmt.Sprintf("Unknown secret %q", name),
					"The operator's configuration says where secrets are, and has none of that name. "+
						spelling.Hint(name, slices.Collect(maps.Keys(configured)), "secrets"))
			}
		}
	}
}

// checkPush reports a secret that a push does not get, unless it is known that
// the stage does not run. Where that is known later, the stage does not get it
// either.
func (l *loaded) checkPush(stage *pipeline.Stage, secret, why string) {
	if why == "" {
		return
	}
	foreseen, _, _ := l.Evaluator.Foresee(stage, nil) // what is wrong there is reported already
	if when := foreseen.When; when != cty.NilVal && (!when.IsKnown() || when.IsNull() || when.False()) {
		return
	}
	l.diags.Append(&stage.Range, fmt.Sprintf("Secret %q is not for this push", secret), fmt.Sprintf(
		"The operator has limited it: %s. Leave the stage out for such a push, as with when = git.branch == \"main\", or ask the operator.", why))
}
