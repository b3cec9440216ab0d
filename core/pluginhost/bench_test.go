package pluginhost

import (
	"context"
	"os"
	"testing"

	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// BenchmarkColdStart is the way from nothing to the first answer, without the
// hash, which is made once per runner.
func BenchmarkColdStart(b *testing.B) {
	o := options(b)
	o.Limits.Launches = 1 << 30
	h := newHost(b, o)
	s, err := h.slot("fake")
	if err != nil {
		b.Fatal(err)
	}
	file, err := s.open()
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		p, err := h.launch(context.Background(), file)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		p.close(context.Background())
		b.StartTimer()
	}
}

// BenchmarkBareStart is what the machine takes to run the same file to its
// first line of output: the floor of BenchmarkColdStart.
func BenchmarkBareStart(b *testing.B) {
	file, err := openBinary("fake", os.Getenv(pluginDirVariable)+"/runner-plugin-fake", "")
	if err != nil {
		b.Fatal(err)
	}
	defer file.close()
	for b.Loop() {
		if out, err := bare(file.path); err == nil || len(out) == 0 {
			b.Fatalf("got %q, %v", out, err)
		}
	}
}

// BenchmarkUnary is one call to a warm plugin.
func BenchmarkUnary(b *testing.B) {
	h := newHost(b, options(b))
	ref := pipeline.ComponentRef{Plugin: "fake", Name: "step"}
	req := &pluginv1.ValidateRequest{Component: "step", Config: config(b, h, "fake", "step", nil)}
	for b.Loop() {
		if _, err := h.Validate(context.Background(), ref, pluginv1.Kind_KIND_BUILDER, req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAttempt is one trivial attempt at a warm plugin.
func BenchmarkAttempt(b *testing.B) {
	h := newHost(b, options(b))
	s := newStep(b, h, "fake", nil)
	for b.Loop() {
		if _, err := h.Execute(context.Background(), s.call, func(*pluginv1.Event) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLogStream is output from a plugin's component to the sink.
func BenchmarkLogStream(b *testing.B) {
	const size = 64 << 20
	h := newHost(b, options(b))
	s := newStep(b, h, "fake", args{"emit_bytes": size})
	b.SetBytes(size)
	for b.Loop() {
		result, err := h.Execute(context.Background(), s.call, func(*pluginv1.Event) error { return nil })
		if err != nil || result.GetLogBytes() != size {
			b.Fatal(result, err)
		}
	}
}
