package container

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"

	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/inputs"
)

// given is a file for the container: of the work folder, or an artifact.
type given struct {
	path     string // absolute, in the container
	name     string // in the work folder, or empty
	artifact sdk.Artifact
}

// filesOf are the files that the configuration gives to the container, sorted.
func filesOf(ctx context.Context, root *os.Root, c sdk.Config) ([]given, error) {
	names, err := inputs.Find(ctx, root, c.Strings("inputs"), nil)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &sdk.Failure{
			Summary: "The inputs cannot be given to the container", Class: "input_missing", Broken: true, Cause: err,
			Detail: "An earlier stage must have made them, or they must be part of the tree.",
		}
	}
	var out []given
	for name := range names {
		out = append(out, given{path: path.Join(Work, name), name: name})
	}
	for name, a := range c.Artifacts("artifacts") {
		at, err := artifactPath(name)
		if err == nil && a.Location != "blob:"+a.Digest {
			err = fmt.Errorf("artifact %q is a package, not a file", a.Name)
		}
		if err != nil {
			return nil, &sdk.Failure{Summary: "An artifact cannot be given to the container", Class: "artifact_invalid", Cause: err}
		}
		out = append(out, given{path: at, artifact: a})
	}
	slices.SortFunc(out, func(a, b given) int { return cmp.Compare(a.path, b.path) })
	for i := 1; i < len(out); i++ {
		if before, at := out[i-1].path, out[i].path; within(at, before) {
			return nil, &sdk.Failure{Summary: "Two files cannot be given to the container at " + before, Class: "artifact_invalid",
				Detail: fmt.Sprintf("%s and %s exclude each other; choose another path for the artifact.", before, at)}
		}
	}
	return out, nil
}

// foldersOf are the folders that volumes are mounted at: Work, and those of
// artifacts that lie in no other.
func foldersOf(files []given) []string {
	all := map[string]bool{Work: true}
	for _, f := range files {
		all[path.Dir(f.path)] = true
	}
	var out []string
	for _, folder := range slices.Sorted(maps.Keys(all)) {
		if !slices.ContainsFunc(out, func(above string) bool { return within(folder, above) }) {
			out = append(out, folder)
		}
	}
	return out
}
