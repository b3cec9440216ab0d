package load

import (
	"math"
	"time"
)

// Plan is how much is sent, and how.
type Plan struct {
	// Rate is how many requests are due a second.
	Rate float64
	// InFlight is how many are under way at most. One that is due beyond that is
	// dropped, and counted.
	InFlight int
	// Duration or Requests says how long it is measured; the other one is 0.
	Duration time.Duration
	Requests int64
	// WarmUp comes before, under the same load, and is not measured.
	WarmUp time.Duration
}

// due is when a request is due after the beginning.
func (p Plan) due(n int64) time.Duration {
	return time.Duration(float64(n) / p.Rate * float64(time.Second))
}

// over reports whether a request that is due then is none of the plan, when so
// many are measured already.
func (p Plan) over(at time.Duration, measured int64) bool {
	if p.Requests > 0 {
		return measured >= p.Requests
	}
	return at >= p.WarmUp+p.Duration
}

// Expected is how many requests are measured.
func (p Plan) Expected() int64 {
	if p.Requests > 0 {
		return p.Requests
	}
	return max(int64(math.Ceil(p.Rate*p.Duration.Seconds()-1e-6)), 1)
}

// Takes is how long it is sent.
func (p Plan) Takes() time.Duration {
	if p.Requests > 0 {
		return p.WarmUp + p.due(p.Requests)
	}
	return p.WarmUp + p.Duration
}
