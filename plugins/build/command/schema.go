package command

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Builder implements sdk.Builder.
type Builder struct{}

var (
	_ sdk.Builder   = Builder{}
	_ sdk.Cacheable = Builder{}
)

// Schema describes the component.
func (Builder) Schema() sdk.Schema {
	return sdk.Schema{
		Name:        "command",
		Description: "Runs a command and makes artifacts of the files that it declares as outputs.",
		Effect:      sdk.EffectPure,
		Example:     example,
		Config: sdk.Block{Attributes: []sdk.Attribute{
			{Name: "command", Type: cty.List(cty.String), Required: true, Description: "Program and arguments. No shell sees them: write `[\"sh\", \"-c\", \"…\"]` for one."},
			{Name: "env", Type: cty.Map(cty.String), Description: "Variables to add to the small environment that a stage has."},
			{Name: "dir", Type: cty.String, Description: "Folder to run in, within the work folder. Default: the work folder."},
			{Name: "outputs", Type: cty.DynamicPseudoType, Description: "Files that the command makes: a map of artifact name to path, or a list of paths, " +
				"whose base names are then the artifacts' names. Paths are relative to the work folder, whatever `dir` is. " +
				"Each must exist afterwards, and not be empty."},
			{Name: "inputs", Type: cty.List(cty.String), Description: "Files that the command reads, all of them: paths in the work folder, or patterns (`*`, `?`, `[…]`, and `**` for any folders). " +
				"A folder stands for all below it, and what a pattern after `!` matches does not count. With `inputs`, the result of an earlier run is taken over when nothing that counts has changed; " +
				"without, the command runs each time."},
		}},
		Outputs: []sdk.Attribute{
			{Name: "artifacts", Type: cty.Map(sdk.ArtifactType()), Description: "The outputs as artifacts, by name."},
			{Name: "files", Type: cty.Map(cty.String), Description: "Paths of the outputs in the work folder, by name."},
		},
	}
}

// Validate checks what can be known before the command has run.
func (Builder) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	var diags sdk.Diagnostics
	validateCommand(&diags, req.Config)
	for name := range req.Config.StringMap("env") {
		if problem := checkVariable(name); problem != "" {
			diags.AddError(sdk.At(sdk.Attr("env"), sdk.Key(name)), "unusable variable name", problem)
		}
	}
	if req.Config.Set("dir") {
		if _, err := workspace.Clean(req.WorkDir, req.Config.String("dir")); err != nil {
			diags.AddError(sdk.At(sdk.Attr("dir")), "unusable folder", err.Error()+"; name a folder within the work folder")
		}
	}
	workspace.CheckInputs(&diags, req)
	_, problems := declared(req.WorkDir, req.Config.Get("outputs"))
	return append(diags, problems...)
}

// Inputs are complete when the user has declared them. What the command itself
// makes does not count.
func (Builder) Inputs(_ context.Context, req sdk.ValidateRequest) sdk.Inputs {
	made, _ := declared(req.WorkDir, req.Config.Get("outputs"))
	names := make([]string, len(made))
	for i, o := range made {
		names[i] = o.path
	}
	return workspace.DeclaredInputs(req, names...)
}

func validateCommand(diags *sdk.Diagnostics, config sdk.Config) {
	if !config.Set("command") {
		return
	}
	command := config.Strings("command")
	if len(command) == 0 || command[0] == "" {
		diags.AddError(sdk.At(sdk.Attr("command")), "no command", "The first element is the program to run.")
		return
	}
	for i, word := range command {
		if strings.ContainsRune(word, 0) {
			diags.AddError(sdk.At(sdk.Attr("command"), sdk.Index(i)), "unusable argument", "An argument cannot hold a NUL character.")
		}
	}
}

// checkVariable says what is wrong with the name of a variable.
func checkVariable(name string) string {
	switch {
	case name == "" || strings.ContainsAny(name, "=\x00"):
		return fmt.Sprintf("%q cannot be the name of a variable: it is empty, or has '=' or NUL in it", name)
	case strings.HasPrefix(name, "RUNNER_"):
		return name + " is reserved: the runner itself uses names that begin with RUNNER_"
	}
	return ""
}

// output is a file that the command promises.
type output struct {
	name, path string
	at         sdk.Path
}

// declared reads `outputs`, in source order for a list and by name for a map.
// Paths that are not known yet are left out: validation runs before a run does.
func declared(workDir string, v sdk.Value) ([]output, sdk.Diagnostics) {
	v, _ = v.UnmarkDeep()
	if !v.IsKnown() || v.IsNull() {
		return nil, nil
	}
	root := sdk.At(sdk.Attr("outputs"))
	ty := v.Type()
	named := ty.IsMapType() || ty.IsObjectType()
	if !named && !ty.IsListType() && !ty.IsTupleType() && !ty.IsSetType() {
		return nil, sdk.Diagnostics{{Severity: sdk.Error, Summary: "unusable outputs", Path: root,
			Detail: "outputs is a map of names to paths, or a list of paths, not " + ty.FriendlyName() + "."}}
	}
	var diags sdk.Diagnostics
	var outputs []output
	taken := make(map[string]bool)
	index := 0
	for it := v.ElementIterator(); it.Next(); index++ {
		key, value := it.Element()
		one := output{at: append(sdk.At(root...), sdk.Index(index))}
		if named {
			one.name = key.AsString()
			one.at = append(sdk.At(root...), sdk.Key(one.name))
		}
		if !value.IsKnown() {
			continue
		}
		if value.IsNull() || value.Type() != cty.String {
			diags.AddError(one.at, "unusable output", "The path of an output is a string.")
			continue
		}
		clean, err := workspace.Clean(workDir, value.AsString())
		if err != nil {
			diags.AddError(one.at, "unusable output", err.Error()+"; an output is a file within the work folder")
			continue
		}
		one.path = clean
		if !named {
			one.name = path.Base(clean)
		}
		if one.name == "" || taken[one.name] {
			diags.AddError(one.at, "unusable output", fmt.Sprintf("The name %q is empty or taken; write outputs as a map to choose names.", one.name))
			continue
		}
		taken[one.name] = true
		outputs = append(outputs, one)
	}
	return outputs, diags
}
