package eval

import (
	"fmt"
	"path"
	"slices"

	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/sdk"
)

// written are the patterns of the files that the command and this component write.
func written(c sdk.Config) []string {
	patterns := c.Strings("samples")
	if name := c.String("metrics_file"); name != "" {
		patterns = append([]string{name}, patterns...)
	}
	if dir := c.String("report_dir"); dir != "" {
		patterns = append(patterns, path.Join(dir, reportName), path.Join(dir, pageName), path.Join(dir, samplesName))
	}
	return patterns
}

// compared are the files that the evaluation is compared with, relative to the
// pipeline's folder.
func compared(req sdk.ValidateRequest) []string {
	var found []string
	add := func(patterns []string) {
		for _, pattern := range patterns {
			if local, err := produced.Local(req.WorkDir, pattern); err == nil {
				found = append(found, local)
			}
		}
	}
	if b, ok := req.Config.Block("baseline"); ok {
		add(b.Strings("files"))
		add(b.Strings("samples"))
	}
	if h, ok := req.Config.Block("history"); ok {
		add(h.Strings("files"))
	}
	return found
}

// checkFiles says what is wrong with the arguments that name files, and with
// how they go together.
func checkFiles(diags *sdk.Diagnostics, req sdk.ValidateRequest) {
	c := req.Config
	formats := []string{"", formatMetrics, formatLMEval, formatPromptfoo, formatJUnit}
	format := c.String("format")
	if c.Known("format") && !slices.Contains(formats, format) {
		diags.AddError(sdk.At(sdk.Attr("format")), fmt.Sprintf("The format %q is not known", format),
			`It is "metrics", "lm-eval", "promptfoo" or "junit".`)
	}
	if name := c.String("metrics_file"); c.Set("metrics_file") {
		if _, err := produced.Local(req.WorkDir, name); err != nil {
			diags.AddError(sdk.At(sdk.Attr("metrics_file")), "The metrics file cannot be used",
				err.Error()+`. Give a path inside the pipeline's folder, for example "out/metrics.json".`)
		}
	} else if c.Known("metrics_file") && slices.Contains([]string{formatLMEval, formatPromptfoo, formatJUnit}, format) {
		diags.AddError(sdk.At(sdk.Attr("metrics_file")), fmt.Sprintf("The format %q needs metrics_file", format),
			`Only our own metrics are read from the output. Say where the command writes its results, for example metrics_file = "out/*/results_*.json".`)
	}
	if c.Set("samples") && (format == formatPromptfoo || format == formatJUnit) {
		diags.AddError(sdk.At(sdk.Attr("samples")), fmt.Sprintf("The format %q has no files of samples", format),
			"Its items are in metrics_file. Remove samples.")
	}
	checkPatterns(diags, req.WorkDir, sdk.At(sdk.Attr("samples")), c.Strings("samples"))
	for i, code := range codes(c) {
		if code < 0 || code > 255 {
			diags.AddError(sdk.At(sdk.Attr("exit_codes"), sdk.Index(i)), "No command ends with that exit code", "Exit codes go from 0 to 255.")
		}
	}
	if c.Set("report_dir") {
		if _, err := produced.Local(req.WorkDir, c.String("report_dir")); err != nil {
			diags.AddError(sdk.At(sdk.Attr("report_dir")), "The folder of the report cannot be used",
				err.Error()+`. Give a folder inside the pipeline's folder, for example "out/evaluation".`)
		}
	}
	checkCompared(diags, req)
}

func checkCompared(diags *sdk.Diagnostics, req sdk.ValidateRequest) {
	if b, ok := req.Config.Block("baseline"); ok {
		at := sdk.At(sdk.Attr("baseline"))
		checkPatterns(diags, req.WorkDir, append(slices.Clone(at), sdk.Attr("files")), b.Strings("files"))
		checkPatterns(diags, req.WorkDir, append(slices.Clone(at), sdk.Attr("samples")), b.Strings("samples"))
		known := b.Known("report") && b.Known("files")
		switch {
		case b.Set("report") && b.Set("files"):
			diags.AddError(append(slices.Clone(at), sdk.Attr("files")), "The baseline is given twice", "Set report or files, not both.")
		case known && !b.Set("report") && !b.Set("files") && b.String("missing") != "warn":
			diags.AddError(at, "The baseline is not given",
				"Set report to the output of the released model's evaluation, or files to where its results are. For a first release, set missing = \"warn\".")
		case b.Set("digest") && checkDigest(b.String("digest")) != nil:
			diags.AddError(append(slices.Clone(at), sdk.Attr("digest")), "The digest of the released model is none", checkDigest(b.String("digest")).Error()+".")
		}
	}
	if h, ok := req.Config.Block("history"); ok {
		at := sdk.At(sdk.Attr("history"))
		checkPatterns(diags, req.WorkDir, append(slices.Clone(at), sdk.Attr("files")), h.Strings("files"))
		if h.Known("files") && h.Known("reports") && !h.Set("files") && !h.Set("reports") {
			diags.AddError(at, "The history has no releases", `Set files or reports, for example files = ["releases/*.json"].`)
		}
	}
}

func checkPatterns(diags *sdk.Diagnostics, workDir string, at sdk.Path, patterns []string) {
	for i, pattern := range patterns {
		if _, err := produced.Local(workDir, pattern); err != nil {
			diags.AddError(append(slices.Clone(at), sdk.Index(i)), fmt.Sprintf("The file %q cannot be used", pattern),
				err.Error()+". Give a path or pattern inside the pipeline's folder.")
		}
	}
}

// codes are the exit codes with which the command has done its work.
func codes(c sdk.Config) []int {
	v := c.Get("exit_codes")
	if c.Set("exit_codes") {
		v, _ = v.UnmarkDeep()
		var out []int
		for _, e := range v.AsValueSlice() {
			if !e.IsNull() {
				n, _ := e.AsBigFloat().Int64()
				out = append(out, int(n))
			}
		}
		return out
	}
	if c.String("format") == formatPromptfoo {
		return []int{0, 100}
	}
	return []int{0}
}
