package oci

import (
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
	"oras.land/oras-go/v2/registry"
)

var tagSyntax = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// Arguments are the arguments of a component whose result goes to a Destination.
func Arguments() []sdk.Attribute {
	return []sdk.Attribute{{
		Name: "layout", Type: cty.String,
		Description: "Folder in the work folder that becomes, or is, an OCI image layout; other entries in it stay. " +
			"Without `layout` and `registry` it is `dist/<name>`.",
	}}
}

// RegistryBlock is the block for a push.
func RegistryBlock() sdk.NestedBlock {
	return sdk.NestedBlock{Name: "registry", Nesting: sdk.NestingSingle, Block: sdk.Block{
		Description: "Pushes to a registry, with the credentials of the Docker configuration (`DOCKER_CONFIG`; its helpers included, which have 30 seconds).",
		Attributes: []sdk.Attribute{
			{Name: "repository", Type: cty.String, Required: true, Description: "Registry and repository, for example `registry.example.com/models/digits`."},
			{Name: "tag", Type: cty.String, Description: "Tag to set. Default: the version, or none."},
			{Name: "mount_from", Type: cty.List(cty.String), Description: "Other repositories of the same registry, for example `models/base`, that may have layers of it already: those are mounted instead of sent."},
			{Name: "ca_file", Type: cty.String, Description: "PEM certificates of the only authorities to trust; relative to the work folder, or absolute. Default: the system's."},
			{Name: "plain_http", Type: cty.Bool, Description: "HTTP without TLS. Accepted for loopback addresses alone. Default: false."},
		},
	}}
}

// Outputs are the outputs of such a component.
func Outputs() []sdk.Attribute {
	return []sdk.Attribute{
		{Name: "artifact", Type: sdk.ArtifactType(), Description: "The package; its digest is that of the manifest."},
		{Name: "digest", Type: cty.String, Description: "Digest of the manifest, `sha256:…`."},
		{Name: "reference", Type: cty.String, Description: "Where to pull it from, by digest."},
		{Name: "size", Type: cty.Number, Description: "Bytes of manifest, config and layers."},
	}
}

// Values are the outputs for a result.
func Values(a sdk.Artifact, reference string) sdk.Outputs {
	return sdk.Outputs{
		"artifact":  a.Value(),
		"digest":    cty.StringVal(a.Digest),
		"reference": cty.StringVal(reference),
		"size":      cty.NumberIntVal(a.Size),
	}
}

// Validate checks the arguments of Arguments and RegistryBlock.
func Validate(req sdk.ValidateRequest) sdk.Diagnostics {
	var diags sdk.Diagnostics
	if req.Config.Set("layout") {
		if _, err := workspace.Clean(req.WorkDir, req.Config.String("layout")); err != nil {
			diags.AddError(sdk.At(sdk.Attr("layout")), "unusable layout folder", err.Error()+"; name a folder within the work folder")
		}
	}
	if block, ok := req.Config.Block("registry"); ok {
		diags = append(diags, validateRegistry(req.WorkDir, block)...)
	}
	return diags
}

func validateRegistry(workDir string, block sdk.Config) sdk.Diagnostics {
	var diags sdk.Diagnostics
	at := func(name string) sdk.Path { return sdk.At(sdk.Attr("registry"), sdk.Attr(name)) }
	if block.Set("repository") {
		host, _, err := SplitRepository(block.String("repository"))
		if err != nil {
			diags.AddError(at("repository"), "unusable repository", err.Error())
		} else if block.Bool("plain_http") && !OnLoopback(host) {
			diags.AddError(at("plain_http"), "plain HTTP to another machine",
				"Without TLS anybody on the way can read and replace the package. "+host+
					" is not a loopback address: remove plain_http, and name a private authority with ca_file if need be.")
		}
	}
	if tag := block.String("tag"); block.Set("tag") && !tagSyntax.MatchString(tag) {
		diags.AddError(at("tag"), "unusable tag", fmt.Sprintf("%q is not a tag: up to 128 letters, digits, '_', '.' and '-', and not '.' or '-' first", tag))
	}
	for i, name := range block.Strings("mount_from") {
		if _, _, err := SplitRepository("registry.example.com/" + name); err != nil {
			diags.AddError(append(at("mount_from"), sdk.Index(i)), "unusable repository",
				fmt.Sprintf("%q is not the name of a repository of this registry, for example models/base", name))
		}
	}
	if file := block.String("ca_file"); block.Set("ca_file") && !strings.HasPrefix(file, "/") {
		if _, err := workspace.Clean(workDir, file); err != nil {
			diags.AddError(at("ca_file"), "unusable CA file", err.Error())
		}
	}
	return diags
}

// ValidTag reports whether a version can be used as a tag as it is.
func ValidTag(tag string) bool { return tagSyntax.MatchString(tag) }

// SplitRepository parses <registry>/<repository>, without a tag or digest.
func SplitRepository(name string) (host, repository string, err error) {
	ref, err := registry.ParseReference(name)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("%q is not <registry>/<repository>, for example registry.example.com/models/digits", name)
	case ref.Reference != "":
		return "", "", fmt.Errorf("%q has a tag or digest; write the tag as tag = %q", name, ref.Reference)
	}
	return ref.Registry, ref.Repository, nil
}

// OnLoopback reports whether a registry is on this machine.
func OnLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if name == "localhost" {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}
