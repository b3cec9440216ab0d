package opa

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stagegate/stagegate/sdk"
)

// inputOf is the release with as many pods more as the size takes.
func inputOf(b *testing.B, size int) []byte {
	b.Helper()
	var doc map[string]any
	if err := json.Unmarshal(readFile(b, "testdata/release.json"), &doc); err != nil {
		b.Fatal(err)
	}
	fact := doc["workload"].(map[string]any)["objects"].(map[string]any)
	objects := fact["value"].([]any)
	for i := 0; ; i++ {
		data, err := json.Marshal(doc)
		if err != nil {
			b.Fatal(err)
		}
		if len(data) >= size {
			return data
		}
		more, err := json.Marshal(objects[3])
		if err != nil {
			b.Fatal(err)
		}
		var copied map[string]any
		if err := json.Unmarshal(more, &copied); err != nil {
			b.Fatal(err)
		}
		copied["metadata"].(map[string]any)["name"] = fmt.Sprintf("digits-%d", i)
		fact["value"] = append(fact["value"].([]any), copied)
	}
}

// BenchmarkWarmDecision is one evaluation of the built-in bundle, prepared
// before: 4 KB is a small release, 100 KB one with dozens of workloads.
func BenchmarkWarmDecision(b *testing.B) {
	p := builtinPolicy(b)
	for _, size := range []int{4 << 10, 100 << 10} {
		input := inputOf(b, size)
		b.Run(fmt.Sprintf("%dKB", len(input)>>10), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				got, err := p.judge(b.Context(), input)
				if err != nil || got.Verdict != sdk.VerdictPass {
					b.Fatalf("%+v, %v", got, err)
				}
			}
		})
	}
}

// BenchmarkPrepare is what the first decision of a process costs more.
func BenchmarkPrepare(b *testing.B) {
	files := builtin()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := compile(b.Context(), files, selection{}); err != nil {
			b.Fatal(err)
		}
	}
}
