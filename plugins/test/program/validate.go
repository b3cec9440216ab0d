package program

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/sdk"
)

// reserved begins the names of the variables that the runner sets.
const reserved = "RUNNER_"

// Validate says what is wrong with the arguments, as far as they are known.
func Validate(c sdk.Config, workDir string) sdk.Diagnostics {
	var diags sdk.Diagnostics
	if c.Known("command") {
		checkCommand(&diags, c.Strings("command"))
	}
	if c.Known("env") {
		checkEnv(&diags, c.StringMap("env"))
	}
	checkInputs(&diags, c.Strings("inputs"), workDir)
	if dir := c.String("dir"); c.Set("dir") {
		if _, err := local(workDir, dir); err != nil {
			diags.AddError(sdk.At(sdk.Attr("dir")), fmt.Sprintf("The folder %q cannot be used", dir),
				"dir must lead to a place inside the pipeline's folder, for example \"tests\".")
		}
	}
	return diags
}

func checkCommand(diags *sdk.Diagnostics, args []string) {
	at := sdk.At(sdk.Attr("command"))
	if len(args) == 0 || args[0] == "" {
		diags.AddError(at, "The command has no program",
			`The first element is the program to start, for example command = ["go", "test", "./..."].`)
		return
	}
	for i, arg := range args {
		if strings.ContainsRune(arg, 0) {
			diags.AddError(append(at, sdk.Index(i)), "An argument holds a NUL character",
				"No program can be given such an argument; remove the character.")
		}
	}
	if words := strings.Fields(args[0]); len(args) == 1 && len(words) > 1 {
		diags.AddWarning(at, fmt.Sprintf("The name of the program has a space in it: %q", args[0]),
			fmt.Sprintf("There is no shell that would split it. Write each word as an element of its own: command = [%q, %q, …].", words[0], words[1]))
	}
}

func checkEnv(diags *sdk.Diagnostics, env map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value, at := env[name], sdk.At(sdk.Attr("env"), sdk.Key(name))
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00"):
			diags.AddError(at, fmt.Sprintf("The environment variable %q cannot be set", name),
				"A name is not empty and holds neither \"=\" nor NUL.")
		case strings.HasPrefix(name, reserved):
			diags.AddError(at, fmt.Sprintf("The environment variable %s is the runner's own", name),
				"Names that begin with RUNNER_ are set by the runner; choose another.")
		case strings.ContainsRune(value, 0):
			diags.AddError(at, fmt.Sprintf("The value of %s holds a NUL character", name),
				"No program can be given such a value; remove the character.")
		}
	}
}

// local is a folder's absolute path, when it lies in workDir.
func local(workDir, dir string) (string, error) {
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(workDir, dir)
	}
	rel, err := filepath.Rel(workDir, dir)
	if err == nil && !filepath.IsLocal(rel) {
		err = fmt.Errorf("%s is outside of the work folder", dir)
	}
	return dir, err
}
