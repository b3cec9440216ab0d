package program

import (
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/sdk"
)

func checkInputs(diags *sdk.Diagnostics, inputs []string, workDir string) {
	for i, name := range inputs {
		if _, err := input(workDir, name); err != nil {
			diags.AddError(sdk.At(sdk.Attr("inputs"), sdk.Index(i)), fmt.Sprintf("The input %q cannot be used", name),
				err.Error()+`. Give a path or pattern inside the pipeline's folder, for example "tests/**".`)
		}
	}
}

// input is an input relative to the pipeline's folder, with its "!".
func input(workDir, name string) (string, error) {
	bare, without := strings.CutPrefix(name, "!")
	clean, err := produced.Local(workDir, bare)
	if err == nil && without {
		clean = "!" + clean
	}
	return clean, err
}

// Inputs are the argument inputs, without what the command itself writes: the
// files that match the patterns given.
func Inputs(req sdk.ValidateRequest, written ...string) sdk.Inputs {
	if !req.Config.Set("inputs") {
		return sdk.Inputs{Reason: "it does not declare its inputs"}
	}
	var files []string
	for _, name := range req.Config.Strings("inputs") {
		clean, err := input(req.WorkDir, name)
		if err != nil {
			return sdk.Inputs{Reason: err.Error()}
		}
		files = append(files, clean)
	}
	for _, pattern := range written {
		if clean, err := produced.Local(req.WorkDir, pattern); err == nil {
			files = append(files, "!"+clean)
		}
	}
	return sdk.Inputs{Complete: true, Files: files}
}
