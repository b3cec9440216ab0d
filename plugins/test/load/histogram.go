package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Times are recorded in microseconds, with three significant digits, up to what
// no request may take.
const (
	MaxTime     = 2 * time.Hour
	significant = 3
)

// Histogram is how long something took, in memory that does not grow.
type Histogram struct {
	h       *hdrhistogram.Histogram
	longest time.Duration
}

func newHistogram() *Histogram {
	return &Histogram{h: hdrhistogram.New(1, MaxTime.Microseconds(), significant)}
}

func (h *Histogram) record(d time.Duration) {
	d = min(max(d, time.Microsecond), MaxTime)
	h.longest = max(h.longest, d)
	_ = h.h.RecordValue(d.Microseconds()) // it is in range
}

// Count is how many times are recorded.
func (h *Histogram) Count() int64 { return h.h.TotalCount() }

// Max is the longest, exactly.
func (h *Histogram) Max() time.Duration { return h.longest }

// Mean is their mean.
func (h *Histogram) Mean() time.Duration {
	return min(time.Duration(h.h.Mean()*float64(time.Microsecond)), h.longest)
}

// Quantile is the time that so large a share of them did not exceed, from 0 to 1.
func (h *Histogram) Quantile(q float64) time.Duration {
	return min(time.Duration(h.h.ValueAtQuantile(100*q))*time.Microsecond, h.longest)
}
