package workspace

import (
	"strings"

	"github.com/stagegate/stagegate/sdk"
)

// CheckInputs says what is wrong with the argument inputs.
func CheckInputs(diags *sdk.Diagnostics, req sdk.ValidateRequest) {
	for i, name := range req.Config.Strings("inputs") {
		bare := strings.TrimPrefix(name, "!")
		_, err := Clean(req.WorkDir, bare)
		if err == nil {
			err = CheckPattern(bare)
		}
		if err != nil {
			diags.AddError(sdk.At(sdk.Attr("inputs"), sdk.Index(i)), "unusable input", err.Error()+"; an input is a file or pattern within the work folder")
		}
	}
}

// DeclaredInputs are the argument inputs, without the files that the stage
// itself makes.
func DeclaredInputs(req sdk.ValidateRequest, made ...string) sdk.Inputs {
	if !req.Config.Set("inputs") {
		return sdk.Inputs{Reason: "it does not declare its inputs"}
	}
	var files []string
	for _, name := range req.Config.Strings("inputs") {
		bare, without := strings.CutPrefix(name, "!")
		clean, err := Clean(req.WorkDir, bare)
		if err != nil {
			return sdk.Inputs{Reason: err.Error()}
		}
		if without {
			clean = "!" + clean
		}
		files = append(files, clean)
	}
	for _, name := range made {
		files = append(files, "!"+Literal(name))
	}
	return sdk.Inputs{Complete: true, Files: files}
}

// Literal is a pattern that matches one name, whatever characters it has.
func Literal(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}
