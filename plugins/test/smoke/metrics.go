package smoke

import (
	"fmt"
	"math"
	"time"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/load"
)

// metric is one number that a run gives.
type metric struct {
	name, unit string
	stream     bool // only where answers are streams
	// of is the times that it is a quantile of, or nil.
	of       func(load.Result) *load.Histogram
	quantile float64
	value    func(load.Result) (value float64, samples int64)
	better   evaluation.Direction
}

// errorRate is the metric that always has a threshold.
const errorRate = "error_rate"

// metrics are all that there are.
func metrics() []metric {
	out := []metric{
		{name: errorRate, better: evaluation.Lower, value: func(r load.Result) (float64, int64) {
			return float64(r.Failed+r.Dropped) / float64(max(r.All(), 1)), r.All()
		}},
		{name: "throughput", unit: "1/s", better: evaluation.Higher, value: func(r load.Result) (float64, int64) {
			return float64(r.Good) / r.Elapsed.Seconds(), r.All()
		}},
	}
	add := func(prefix string, stream bool, of func(load.Result) *load.Histogram, quantiles ...float64) {
		for _, q := range quantiles {
			out = append(out, metric{name: prefix + "_" + quantileName(q), unit: "ms", stream: stream, of: of, quantile: q, better: evaluation.Lower})
		}
	}
	add("latency", false, latency, 0.5, 0.9, 0.95, 0.99, 0.999)
	out = append(out,
		metric{name: "latency_max", unit: "ms", better: evaluation.Lower, value: func(r load.Result) (float64, int64) { return millis(r.Latency.Max()), r.Latency.Count() }},
		metric{name: "latency_mean", unit: "ms", better: evaluation.Lower, value: func(r load.Result) (float64, int64) { return millis(r.Latency.Mean()), r.Latency.Count() }})
	add("first_byte", false, func(r load.Result) *load.Histogram { return r.FirstByte }, 0.5, 0.9, 0.95, 0.99)
	add("send_lag", false, func(r load.Result) *load.Histogram { return r.Lag }, 0.99)
	add("first_event", true, func(r load.Result) *load.Histogram { return r.FirstEvent }, 0.5, 0.9, 0.95, 0.99)
	add("event_gap", true, func(r load.Result) *load.Histogram { return r.Gap }, 0.5, 0.9, 0.95, 0.99)
	return append(out, metric{name: "event_rate", unit: "1/s", stream: true, better: evaluation.Higher, value: func(r load.Result) (float64, int64) {
		return float64(r.Events) / r.Elapsed.Seconds(), r.Good
	}})
}

func latency(r load.Result) *load.Histogram { return r.Latency }

// quantileName is p99 for 0.99, and p999 for 0.999.
func quantileName(q float64) string {
	text := fmt.Sprintf("%g", 1000*q)
	if text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	return "p" + text
}

// needs is how many requests it takes to say anything of a quantile: with fewer,
// none lies beyond it.
func (m metric) needs() int64 {
	if m.quantile == 0 {
		return 1
	}
	return int64(math.Ceil(1/(1-m.quantile) - 1e-9))
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// measured is the run in numbers. What cannot be said of it is refused, so that
// a threshold on it is missed.
func measured(r load.Result, stream bool) (*evaluation.Evaluation, error) {
	e := &evaluation.Evaluation{}
	for _, m := range metrics() {
		if m.stream && !stream {
			continue
		}
		value, samples := 0.0, int64(0)
		if m.of == nil {
			value, samples = m.value(r)
		} else {
			h := m.of(r)
			value, samples = millis(h.Quantile(m.quantile)), h.Count()
		}
		if samples < m.needs() {
			e.Refuse(m.name, fmt.Errorf("%d requests were measured by it, and it takes %d", samples, m.needs()))
			continue
		}
		if err := e.Add(evaluation.Metric{Name: m.name, Value: value, Unit: m.unit, Samples: samples, Better: m.better}); err != nil {
			return nil, err
		}
	}
	return e, nil
}
