package kubernetes

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/bounds"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
	"k8s.io/apimachinery/pkg/util/validation"
)

func validate(c sdk.Config) sdk.Diagnostics {
	v := &validator{}
	v.clear(c)
	v.image(c)
	v.command(c)
	v.environment(c)
	v.artifacts(c)
	v.digest(c)
	v.name(c, "namespace", validation.IsDNS1123Label)
	v.name(c, "queue", validation.IsDNS1123Subdomain)
	v.name(c, "service_account", validation.IsDNS1123Subdomain)
	v.name(c, "pull_secret", validation.IsDNS1123Subdomain)
	v.count(c, nil, "run_as_user", maxUser)
	v.labels(c, "node_selector")
	for _, attr := range []string{"queue_timeout", "schedule_timeout", "start_timeout", "deadline"} {
		v.duration(c, attr)
	}
	v.gpu(c)
	v.resources(c)
	v.tolerations(c)
	_, diags := bounds.Thresholds(c)
	v.found = append(v.found, diags...)
	if c.Known("metrics") && c.Set("metrics") && !c.Bool("metrics") && len(c.LabelledBlocks("threshold")) > 0 {
		v.found.AddError(sdk.At(sdk.Attr("metrics")), "There would be no metrics to judge", "A threshold needs metrics. Remove metrics = false, or the thresholds.")
	}
	return v.found
}

// clear refuses sensitive values where they would be stored and shown in clear:
// everywhere but in the environment.
func (v *validator) clear(c sdk.Config) {
	_, marked := c.Value().UnmarkDeepWithPaths()
	for _, place := range marked {
		at := pathOf(place.Path)
		if len(at) == 0 {
			continue
		}
		attr, ok := at[0].(sdk.Attr)
		if !ok || attr == "env" {
			continue
		}
		v.found.AddError(at, "A secret would be stored in clear",
			fmt.Sprintf("The value of %q is sensitive, and would be part of the Job, which many can read. Give it to the command by env.", string(attr)))
	}
}

func pathOf(p cty.Path) sdk.Path {
	var out sdk.Path
	for _, step := range p {
		switch s := step.(type) {
		case cty.GetAttrStep:
			out = append(out, sdk.Attr(s.Name))
		case cty.IndexStep:
			if s.Key.Type() == cty.String {
				out = append(out, sdk.Key(s.Key.AsString()))
				continue
			}
			n, _ := s.Key.AsBigFloat().Int64()
			out = append(out, sdk.Index(n))
		}
	}
	return out
}

func (v *validator) image(c sdk.Config) {
	if !c.Known("image") {
		return
	}
	if _, err := imageOf(c.Get("image")); err != nil {
		v.found.AddError(sdk.At(sdk.Attr("image")), "The image cannot be used",
			fmt.Sprintf("%s. Give the artifact of a stage that pushes an image, or a reference by digest.", capital(err.Error())))
	}
}

func (v *validator) command(c sdk.Config) {
	args := c.Strings("command")
	if c.Set("command") && (len(args) == 0 || args[0] == "") {
		v.found.AddError(sdk.At(sdk.Attr("command")), "The command has no program",
			`The first element is the program to start, for example command = ["python3", "evaluate.py"].`)
	}
	size := 0
	for i, arg := range args {
		size += len(arg)
		if strings.ContainsRune(arg, 0) {
			v.found.AddError(sdk.At(sdk.Attr("command"), sdk.Index(i)), "An argument holds a NUL character", "No program can be given such an argument; remove the character.")
		}
	}
	env := c.StringMap("env")
	for _, name := range slices.Sorted(maps.Keys(env)) {
		size += len(name) + len(env[name])
	}
	if size > maxCommand {
		v.found.AddError(sdk.At(sdk.Attr("command")), "The command and its variables are too large",
			fmt.Sprintf("They are %d bytes, and a Job can hold %d. Put data into the image, or into an artifact.", size, maxCommand))
	}
}

func (v *validator) environment(c sdk.Config) {
	env := c.StringMap("env")
	for _, name := range slices.Sorted(maps.Keys(env)) {
		at := sdk.At(sdk.Attr("env"), sdk.Key(name))
		v.variable(at, name)
		if strings.ContainsRune(env[name], 0) {
			v.found.AddError(at, fmt.Sprintf("The value of %s holds a NUL character", name), "No program can be given such a value; remove the character.")
		}
	}
	secrets := c.LabelledBlocks("secret_env")
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		at := sdk.At(sdk.Attr("secret_env"), sdk.Key(name))
		v.variable(at, name)
		if _, twice := env[name]; twice {
			v.found.AddError(at, fmt.Sprintf("%s is set twice", name), "It is in env and in a secret_env block; remove one of them.")
		}
		for _, field := range []struct {
			name  string
			valid func(string) []string
		}{{"secret", validation.IsDNS1123Subdomain}, {"key", validation.IsConfigMapKey}} {
			if given := secrets[name].String(field.name); secrets[name].Set(field.name) && len(field.valid(given)) > 0 {
				v.found.AddError(append(slices.Clone(at), sdk.Attr(field.name)), fmt.Sprintf("%q is not a valid %s", given, field.name), sentence(field.valid(given)))
			}
		}
	}
}

func (v *validator) variable(at sdk.Path, name string) {
	switch why := validation.IsEnvVarName(name); {
	case len(why) > 0:
		v.found.AddError(at, fmt.Sprintf("%q is not a name for an environment variable", name), sentence(why))
	case strings.HasPrefix(name, "RUNNER_"):
		v.found.AddError(at, fmt.Sprintf("The environment variable %s is the runner's own", name), "Names that begin with RUNNER_ are set by the runner; choose another.")
	}
}

func (v *validator) artifacts(c sdk.Config) {
	given := c.Artifacts("artifacts")
	if len(given) > maxArtifact {
		v.found.AddError(sdk.At(sdk.Attr("artifacts")), "There are too many artifacts", fmt.Sprintf("A pod can be given %d.", maxArtifact))
	}
	for _, folder := range slices.Sorted(maps.Keys(given)) {
		at := sdk.At(sdk.Attr("artifacts"), sdk.Key(folder))
		taken := slices.ContainsFunc([]string{"/proc", "/sys", "/dev", "/tmp"}, func(own string) bool { return folder == own || strings.HasPrefix(folder, own+"/") })
		if !path.IsAbs(folder) || path.Clean(folder) != folder || folder == "/" || strings.Contains(folder, ":") || taken {
			v.found.AddError(at, fmt.Sprintf("%q is no place for an artifact", folder),
				"Give an absolute path without dots, colons or a slash at the end, outside of /proc, /sys, /dev and /tmp, for example /models/digits.")
		}
		if _, err := pulledFrom(given[folder]); err != nil {
			v.found.AddError(at, "The artifact cannot be mounted", fmt.Sprintf("It reaches the pod as an OCI image volume: %v.", err))
		}
	}
}

func (v *validator) digest(c sdk.Config) {
	if a, ok := c.Artifact("artifact"); ok && checkReference("x@"+a.Digest) != nil {
		v.found.AddError(sdk.At(sdk.Attr("artifact")), "The artifact has no digest",
			"The result is a statement about a digest. Refer to an artifact that a stage has made, for example artifact = stage.weights.artifact.")
	}
}
