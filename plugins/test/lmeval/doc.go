// Package lmeval reads what lm-evaluation-harness writes: results_<date>.json,
// and samples_<task>_<date>.jsonl where it was asked to log samples. A metric is
// named task/metric, or task/metric,filter where the filter is not "none".
package lmeval
