// Package promptfoo reads what `promptfoo eval --output results.json` writes,
// version 3. Each provider with each prompt is a task: its metrics are pass_rate,
// score, and every named score. Where there is only one of them, the metrics have
// these names; otherwise they are named provider/prompt/metric.
package promptfoo
