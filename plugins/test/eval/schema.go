package eval

import (
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// The formats that are read.
const (
	formatMetrics   = "metrics"
	formatLMEval    = "lm-eval"
	formatPromptfoo = "promptfoo"
	formatJUnit     = "junit"
)

func attributes() []sdk.Attribute {
	return []sdk.Attribute{
		{
			Name: "artifact", Type: sdk.ArtifactType(), Required: true,
			Description: "The artifact that is evaluated. The command finds it by `RUNNER_ARTIFACT_DIGEST` and `RUNNER_ARTIFACT_LOCATION`.",
		},
		{
			Name: "format", Type: cty.String,
			Description: "What the command writes: `metrics` (our own JSON, the default), `lm-eval` (results of lm-evaluation-harness; a metric is named `task/metric`, or `task/metric,filter` where the filter is not `none`), `promptfoo` (version 3; `pass_rate`, `score` and named scores, after `provider/prompt/` where there are several), or `junit` (`pass_rate`).",
		},
		{
			Name: "metrics_file", Type: cty.String,
			Description: "File that the command writes its metrics to, inside the pipeline's folder, or a pattern that matches one such file. With the format `metrics` it may be left out: they are then the last JSON object on standard output that begins a line. That format is `{\"accuracy\": 0.95}` or `{\"metrics\": [{\"name\": \"accuracy\", \"value\": 0.95, \"samples\": 450, \"unit\": \"\"}]}`. `junit` takes several files.",
		},
		{
			Name: "samples", Type: cty.List(cty.String),
			Description: "Files or patterns of files in which the command says what it measured for each item, for `metrics` and `lm-eval`. Comparing item by item takes a fraction of the data that comparing two averages does. For `metrics` it is one file with a line for each item, `{\"id\": \"row-17\", \"accuracy\": true, \"topic\": \"physics\"}`; for `lm-eval` the files of `--log_samples`.",
		},
		{
			Name: "exit_codes", Type: cty.List(cty.Number),
			Description: "Exit codes with which the command has done its work. The default is 0, and 100 as well for `promptfoo`, which ends so when a test has failed.",
		},
		{
			Name: "report_dir", Type: cty.String,
			Description: "Folder inside the pipeline's folder that the report is written to as well, as `evaluation.json` and `evaluation.html`, with `samples.jsonl` where there are items. Committed beside the release, they are the `baseline` and the `history` of the next ones.",
		},
		{Name: "release", Type: cty.String, Description: "What this release is called in reports and trends, for example a version."},
	}
}

func thresholdBlock() sdk.NestedBlock {
	return sdk.NestedBlock{
		Name: "threshold", Nesting: sdk.NestingMap, Label: "Name of the metric.",
		Block: sdk.Block{
			Description: "What is asked of a metric: bounds, a margin to the baseline, or both. A metric that the command does not report misses it. Without any argument, the margin is that of the `baseline` block.",
			Attributes: []sdk.Attribute{
				{Name: "min", Type: cty.Number, Description: "Smallest value that is accepted."},
				{Name: "max", Type: cty.Number, Description: "Greatest value that is accepted."},
				{Name: "margin", Type: cty.Number, Description: "How much worse than the baseline it may truly be, in the metric's own unit. It passes when the data show that it is not worse by more, and fails when they show that it is."},
				better(),
			},
		},
	}
}

func better() sdk.Attribute {
	return sdk.Attribute{Name: "better", Type: cty.String, Description: "Which values are better, `higher` or `lower`. The default is what the evaluation says, and otherwise `higher`."}
}

func sliceBlock() sdk.NestedBlock {
	return sdk.NestedBlock{
		Name: "slice", Nesting: sdk.NestingList,
		Block: sdk.Block{
			Description: "A metric for each group of items. Without bounds and margin the slices are shown and not judged. The comparisons of one block are judged together (Holm).",
			Attributes: []sdk.Attribute{
				{Name: "metric", Type: cty.String, Required: true, Description: "Name of the metric."},
				{Name: "by", Type: cty.String, Required: true, Description: "Member of an item that says which slice it belongs to, with dots for members of members: `doc.topic`. For `junit` it is `suite`."},
				{Name: "min", Type: cty.Number, Description: "Smallest value that is accepted in each slice."},
				{Name: "max", Type: cty.Number, Description: "Greatest value that is accepted in each slice."},
				{Name: "margin", Type: cty.Number, Description: "How much worse than the baseline it may be in each slice."},
				better(),
				{Name: "min_items", Type: cty.Number, Description: "Slices with fewer items are shown and not judged. The default is 1."},
			},
		},
	}
}

func baselineBlock() sdk.NestedBlock {
	return sdk.NestedBlock{
		Name: "baseline", Nesting: sdk.NestingSingle,
		Block: sdk.Block{
			Description: "The evaluation of the model that is released now. It must have been made in the same way: where the task's hash, version, number of shots, chat template, filter or limit differ, nothing is compared and the stage fails.",
			Attributes: []sdk.Attribute{
				{Name: "report", Type: sdk.ArtifactType(), Description: "Output `report` of the evaluation of the released model: of a stage of this run, or of an earlier run of this runner."},
				{Name: "files", Type: cty.List(cty.String), Description: "Instead of `report`: a file or pattern in the pipeline's folder, in the stage's `format`, or an `evaluation.json` of ours."},
				{Name: "samples", Type: cty.List(cty.String), Description: "The samples that belong to `files`; of an `evaluation.json`, the `samples.jsonl` beside it."},
				{Name: "digest", Type: cty.String, Description: "Digest of the released model. A report about another one is refused, and so are results that do not say what they are about."},
				{Name: "margin", Type: cty.Number, Description: "Margin of thresholds that set nothing of their own."},
				{Name: "alpha", Type: cty.Number, Description: "Probability of letting a model pass that is worse than the margin allows, and of failing one that is not. The default is 0.05."},
				{Name: "power", Type: cty.Number, Description: "Probability with which the number of items that an inconclusive verdict names decides. The default is 0.8."},
				{Name: "cluster_by", Type: cty.String, Description: "Member of an item that says which items belong together, such as questions about one text. They are then not taken for independent."},
				{Name: "inconclusive", Type: cty.String, Description: "What it means when the data are too few to tell: `fail`, the default, or `warn`. A policy that asks for met thresholds is not satisfied either way."},
				{Name: "missing", Type: cty.String, Description: "What it means when there is no baseline, as at the first release: `fail`, the default, or `warn`."},
			},
		},
	}
}

func historyBlock() sdk.NestedBlock {
	return sdk.NestedBlock{
		Name: "history", Nesting: sdk.NestingSingle,
		Block: sdk.Block{
			Description: "What the releases before this one measured, for `trend` and for the report's pictures.",
			Attributes: []sdk.Attribute{
				{Name: "files", Type: cty.List(cty.String), Description: "Files or patterns in the pipeline's folder: reports, metrics in our own JSON, or `.jsonl` with one of these a line, the oldest first. The files of a pattern are ordered by name, numbers in it by size."},
				{Name: "reports", Type: cty.List(sdk.ArtifactType()), Description: "Outputs `report` of earlier evaluations, the oldest first."},
			},
		},
	}
}

func trendBlock() sdk.NestedBlock {
	return sdk.NestedBlock{
		Name: "trend", Nesting: sdk.NestingMap, Label: "Name of the metric.",
		Block: sdk.Block{
			Description: "A straight line through the releases of `history`. This release must lie within the band in which the next one was to be expected, or on its better side. It takes three releases; with fewer nothing is judged.",
			Attributes: []sdk.Attribute{
				{Name: "confidence", Type: cty.Number, Description: "Share of next releases that the band holds. The default is 0.95."},
				{Name: "tolerance", Type: cty.Number, Description: "How far outside of the band is not outside. The default is 0."},
				{Name: "outside", Type: cty.String, Description: "What it means to be outside: `fail`, the default, or `warn`."},
				better(),
			},
		},
	}
}
