package smoke

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/stagegate/stagegate/plugins/test/load"
	"github.com/stagegate/stagegate/sdk"
)

// plan is how much is sent. Its rate is 0 where that is not known yet.
func (r *reader) plan() load.Plan {
	p := load.Plan{
		Duration: r.duration("duration", defaultDuration, 100*time.Millisecond, maxDuration),
		WarmUp:   r.duration("warm_up", 0, 0, maxWarmUp),
		Requests: r.whole("requests", 0, maxRequests),
		InFlight: int(r.whole("max_in_flight", defaultInFlight, maxInFlight)),
	}
	rate, ok := r.c.Number("rate")
	switch {
	case !ok && r.c.Known("rate"):
		p.Rate = defaultRate
	case ok && (rate <= 0 || rate > maxRate || math.IsNaN(rate)):
		r.wrong("rate", fmt.Sprintf("A rate of %g requests a second cannot be kept", rate), fmt.Sprintf("It is more than 0 and at most %d.", maxRate))
		p.Rate = defaultRate
	case ok:
		p.Rate = rate
	}
	if r.c.Set("requests") {
		if r.c.Set("duration") {
			r.wrong("requests", "It is said twice how long to measure", "Set duration or requests, not both.")
		}
		p.Duration = 0
	} else if !r.c.Known("requests") || !r.c.Known("duration") {
		p.Rate = 0
	}
	if p.Rate > 0 && p.Requests > 0 && p.Takes()-p.WarmUp > maxDuration {
		r.wrong("requests", fmt.Sprintf("%d requests take %s at %g a second", p.Requests, (p.Takes()-p.WarmUp).Round(time.Second), p.Rate),
			fmt.Sprintf("That is longer than %s. Send fewer, or raise rate.", maxDuration))
	}
	return p
}

// duration is an argument that is one, within bounds.
func (r *reader) duration(name string, fallback, least, most time.Duration) time.Duration {
	if !r.c.Set(name) {
		return fallback
	}
	d, err := time.ParseDuration(r.c.String(name))
	if err != nil || d < least || d > most {
		r.wrong(name, fmt.Sprintf("%q is not a usable %s", r.c.String(name), strings.ReplaceAll(name, "_", " ")),
			fmt.Sprintf("Give a duration from %s to %s, for example \"90s\" or \"5m\".", least, most))
		return fallback
	}
	return d
}

// whole is an argument that is a whole number from 1.
func (r *reader) whole(name string, fallback, most int64) int64 {
	n, ok := r.c.Number(name)
	if !ok {
		return fallback
	}
	if n != math.Trunc(n) || n < 1 || n > float64(most) {
		r.wrong(name, fmt.Sprintf("%s cannot be %s", name, strconv.FormatFloat(n, 'f', -1, 64)), fmt.Sprintf("It is a whole number from 1 to %d.", most))
		return max(fallback, 1)
	}
	return int64(n)
}

// size is an argument that is a number of bytes.
func (r *reader) size(name string, fallback, most int64) int64 {
	if !r.c.Set(name) {
		return fallback
	}
	n, err := humanize.ParseBytes(r.c.String(name))
	if err != nil || n == 0 || n > uint64(most) { //nolint:gosec // most is a constant above zero
		r.wrong(name, fmt.Sprintf("%q is not a usable size", r.c.String(name)), fmt.Sprintf("Give one to %s, for example \"256KiB\".", humanize.IBytes(uint64(most)))) //nolint:gosec // the same
		return fallback
	}
	return int64(n) //nolint:gosec // it is at most most
}

// place is the path of an argument in a block.
func place(block, name string) sdk.Path { return sdk.At(sdk.Attr(block), sdk.Attr(name)) }
