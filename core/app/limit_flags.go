package app

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stagegate/stagegate/core/pipeline"
)

// limitFlags replace what the pipeline's block says about the run as a whole.
type limitFlags struct {
	timeout, cleanup    time.Duration
	failFast, keepGoing bool
	set                 *pflag.FlagSet
}

// registerLimits adds the flags.
func (f *limitFlags) registerLimits(cmd *cobra.Command) {
	f.set = cmd.Flags()
	f.set.DurationVar(&f.timeout, "timeout", 0, "how long the run may take, for example 90m (default: what the pipeline says)")
	f.set.DurationVar(&f.cleanup, "cleanup-timeout", 0, "how long cleanup may take once the run was stopped (default: what the pipeline says, else 5m)")
	f.set.BoolVar(&f.failFast, "fail-fast", false, "stop the run at the first stage that does not succeed")
	f.set.BoolVar(&f.keepGoing, "keep-going", false, "run what does not need a stage that has not succeeded, also when the pipeline is to fail fast")
}

// checkLimits refuses flags that make no sense.
func (f limitFlags) checkLimits() error {
	if f.set == nil {
		return nil
	}
	for name, value := range map[string]time.Duration{"timeout": f.timeout, "cleanup-timeout": f.cleanup} {
		if f.set.Changed(name) && value <= 0 {
			return usage(fmt.Errorf("--%s is %s: use a length of time such as 90m", name, value))
		}
	}
	if f.failFast && f.keepGoing {
		return usage(errors.New("--fail-fast and --keep-going exclude each other: use one of them"))
	}
	return nil
}

// apply lets the flags count for more than the pipeline.
func (f limitFlags) apply(p *pipeline.Pipeline) {
	if f.timeout > 0 {
		p.Timeout = f.timeout
	}
	if f.cleanup > 0 {
		p.CleanupTimeout = f.cleanup
	}
	p.FailFast = (p.FailFast || f.failFast) && !f.keepGoing
}
