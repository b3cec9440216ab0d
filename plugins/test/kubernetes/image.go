package kubernetes

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// registryScheme begins the location of an artifact that is in a registry.
const registryScheme = "oci://"

// imageOf reads the argument image: a reference, or an artifact.
func imageOf(v sdk.Value) (string, error) {
	v, _ = v.UnmarkDeep()
	ty := v.Type()
	switch {
	case v.IsNull():
		return "", errors.New("it is null")
	case ty == cty.String:
		return v.AsString(), checkReference(v.AsString())
	case ty.IsObjectType() && ty.HasAttribute("location") && ty.HasAttribute("digest") && ty.HasAttribute("annotations"):
		return pulledFrom(sdk.ArtifactOf(v))
	}
	return "", fmt.Errorf("it is neither a reference nor an artifact but %s", ty.FriendlyName())
}

// pulledFrom is the reference by which a node can fetch an artifact.
func pulledFrom(a sdk.Artifact) (string, error) {
	reference, ok := strings.CutPrefix(a.Location, registryScheme)
	if !ok {
		return "", fmt.Errorf("the artifact %q is not in a registry but at %s; nodes can fetch it only once the stage that makes it has pushed it", a.Name, a.Location)
	}
	if !strings.HasSuffix(reference, "@"+a.Digest) {
		return "", fmt.Errorf("the location %s does not have the artifact's digest %s", a.Location, a.Digest)
	}
	return reference, checkReference(reference)
}

// checkReference accepts what can mean one image alone.
func checkReference(reference string) error {
	name, digest, pinned := strings.Cut(reference, "@")
	if !pinned {
		return fmt.Errorf("%q names no digest", reference)
	}
	if !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(digest) {
		return fmt.Errorf("%q has no digest of the form sha256: and 64 hexadecimal digits", reference)
	}
	const part = `[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*`
	form := regexp.MustCompile(`^(?:(?:[a-zA-Z0-9][a-zA-Z0-9.-]*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/)?` + part + `(?:/` + part + `)*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$`)
	if len(name) > 255 || !form.MatchString(name) {
		return fmt.Errorf("%q is not a reference of the form registry/repository@sha256:…", reference)
	}
	return nil
}
