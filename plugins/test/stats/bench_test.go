package stats_test

import (
	"testing"

	"github.com/stagegate/stagegate/plugins/test/stats"
)

func BenchmarkExact(b *testing.B) {
	for b.Loop() {
		stats.Pairs{Both: 1500, Gained: 95, Lost: 105, Neither: 300}.Above(-0.02)
	}
}

func BenchmarkBootstrap(b *testing.B) {
	values := skewed(stats.MaxBootstrap, 1)
	for b.Loop() {
		stats.BootstrapOf(values, nil)
	}
}
