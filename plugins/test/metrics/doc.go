// Package metrics reads what an evaluation measured: one JSON object, written
// to a file or printed as the last object of a command's output. It takes two
// forms:
//
//	{"accuracy": 0.95, "loss": 0.21}
//	{"metrics": [{"name": "latency", "value": 12.5, "unit": "ms", "samples": 450}]}
//
// Who wrote the object is not trusted: its size, its count, its names and its
// numbers are checked, and what is doubtful is refused and never guessed.
package metrics
