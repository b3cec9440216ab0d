package fetch

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/build/encryption"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/trust"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Builder implements sdk.Builder.
type Builder struct{}

var _ sdk.Builder = Builder{}

// Schema describes the component.
func (Builder) Schema() sdk.Schema {
	return sdk.Schema{
		Name: "fetch",
		Description: "Fetches a model package from a registry or an OCI layout into the work folder. " +
			"Every digest is verified, a download that breaks off goes on where it was, files that are there already are not fetched again, and encrypted weights are decrypted. " +
			"Nothing is put in its place before all of it is there. The credentials are those of the Docker configuration.",
		Effect:  sdk.EffectPure,
		Example: example,
		Config: sdk.Block{
			Attributes: []sdk.Attribute{
				{Name: "from", Type: cty.String, Description: "The package: `<registry>/<repository>@sha256:…`, or `oci-layout:<folder>@sha256:…`. " +
					"With `:<tag>` in place of the digest it is whatever has the tag at the time; the output `digest` says which one that was."},
				{Name: "artifact", Type: sdk.ArtifactType(), Description: "Instead of `from`: the package that another stage has made or fetched."},
				{Name: "into", Type: cty.String, Required: true, Description: "Folder in the work folder for the files; those of the same names are replaced, others stay."},
				{Name: "ca_file", Type: cty.String, Description: "PEM certificates of the only authorities to trust; relative to the work folder, or absolute. Default: the system's."},
				{Name: "plain_http", Type: cty.Bool, Description: "HTTP without TLS. Accepted for loopback addresses alone. Default: false."},
			},
			Blocks: []sdk.NestedBlock{trust.Block(), {Name: "decrypt", Nesting: sdk.NestingSingle, Block: sdk.Block{
				Description: "Opens weights that `build.model` has encrypted, or any age program.",
				Attributes: []sdk.Attribute{
					{Name: "identities", Type: cty.List(cty.String), Sensitive: true, Description: "Secret keys, each the content of an identity file of age or of an SSH key without passphrase: `[secret(\"models_key\")]`."},
					{Name: "kms_command", Type: cty.List(cty.String), Description: "Program and arguments that unwrap a key with a key management system: what was stored comes on standard input, and it prints the key."},
					{Name: "kms_key", Type: cty.String, Description: "Name of the only key to ask `kms_command` for. Default: any."},
				},
			}}},
		},
		Outputs: []sdk.Attribute{
			{Name: "artifact", Type: sdk.ArtifactType(), Description: "The package that was fetched."},
			{Name: "digest", Type: cty.String, Description: "Digest of its manifest, `sha256:…`."},
			{Name: "reference", Type: cty.String, Description: "Where it was fetched from, by digest."},
			{Name: "files", Type: cty.List(cty.String), Description: "Paths of its files in the work folder, sorted."},
		},
	}
}

// Validate checks what can be known before anything is fetched.
func (Builder) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	var diags sdk.Diagnostics
	config := req.Config
	at := func(name string) sdk.Path { return sdk.At(sdk.Attr(name)) }
	both := config.Set("from") && config.Set("artifact")
	if none := config.Known("from") && config.Known("artifact") && !config.Set("from") && !config.Set("artifact"); none || both {
		diags.AddError(at("from"), "which package", "Name the package with from, or the artifact of another stage with artifact: one of them.")
	}
	if config.Set("from") {
		ref, err := oci.ParseReference(config.String("from"))
		if err != nil {
			diags.AddError(at("from"), "unusable reference", err.Error())
		} else {
			validatePlace(&diags, req, ref)
		}
	}
	if _, err := workspace.Clean(req.WorkDir, config.String("into")); config.Set("into") && err != nil {
		diags.AddError(at("into"), "unusable folder", err.Error()+"; name a folder within the work folder")
	}
	if file := config.String("ca_file"); config.Set("ca_file") && !strings.HasPrefix(file, "/") {
		if _, err := workspace.Clean(req.WorkDir, file); err != nil {
			diags.AddError(at("ca_file"), "unusable CA file", err.Error())
		}
	}
	validateDecrypt(&diags, config)
	return append(diags, trust.Validate(config)...)
}

func validatePlace(diags *sdk.Diagnostics, req sdk.ValidateRequest, ref oci.Reference) {
	if ref.Layout != "" {
		if _, err := workspace.Clean(req.WorkDir, ref.Layout); err != nil {
			diags.AddError(sdk.At(sdk.Attr("from")), "unusable layout folder", err.Error()+"; name a folder within the work folder")
		}
		return
	}
	if req.Config.Bool("plain_http") && !oci.OnLoopback(ref.Host) {
		diags.AddError(sdk.At(sdk.Attr("plain_http")), "plain HTTP to another machine",
			"Without TLS anybody on the way can read the package. "+ref.Host+
				" is not a loopback address: remove plain_http, and name a private authority with ca_file if need be.")
	}
}

func validateDecrypt(diags *sdk.Diagnostics, config sdk.Config) {
	block, ok := config.Block("decrypt")
	if !ok {
		return
	}
	at := func(steps ...sdk.Step) sdk.Path { return append(sdk.At(sdk.Attr("decrypt")), steps...) }
	for i, text := range block.Strings("identities") {
		if _, err := encryption.ParseIdentities([]byte(text)); err != nil {
			diags.AddError(at(sdk.Attr("identities"), sdk.Index(i)), "unusable identity", err.Error())
		}
	}
	command := block.Strings("kms_command")
	if block.Set("kms_command") && (len(command) == 0 || command[0] == "") {
		diags.AddError(at(sdk.Attr("kms_command")), "no program", "The first element is the program that unwraps the key.")
	}
	if block.Known("identities") && block.Known("kms_command") && len(block.Strings("identities")) == 0 && !block.Set("kms_command") {
		diags.AddError(at(), "nothing to decrypt with", "Give the secret keys in identities, or a kms_command.")
	}
	if block.Set("kms_key") {
		if err := encryption.CheckKeyName(block.String("kms_key")); err != nil {
			diags.AddError(at(sdk.Attr("kms_key")), "unusable name of a key", err.Error())
		}
	}
}

// referenceOf is the package that is meant.
func referenceOf(config sdk.Config) (oci.Reference, error) {
	if a, ok := config.Artifact("artifact"); ok {
		if !strings.HasPrefix(a.Location, "oci://") && !strings.HasPrefix(a.Location, "oci-layout:") {
			return oci.Reference{}, fmt.Errorf("artifact %q is a file (%s), not a package", a.Name, a.MediaType)
		}
		ref, err := oci.ParseReference(a.Location)
		if err == nil && ref.Reference != a.Digest {
			err = fmt.Errorf("artifact %q is not where its digest says", a.Name)
		}
		return ref, err
	}
	return oci.ParseReference(config.String("from"))
}
