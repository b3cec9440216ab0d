package modelpack

import (
	"context"
	"net/url"
	"regexp"
	"time"

	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/signing"
	"github.com/stagegate/stagegate/plugins/build/statement"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Builder implements sdk.Builder.
type Builder struct{}

var (
	_ sdk.Builder   = Builder{}
	_ sdk.Cacheable = Builder{}
	_ sdk.Attacher  = Builder{}
)

// Schema describes the component.
func (Builder) Schema() sdk.Schema {
	text := func(name, description string) sdk.Attribute {
		return sdk.Attribute{Name: name, Type: cty.String, Description: description}
	}
	list := func(name, description string) sdk.Attribute {
		return sdk.Attribute{Name: name, Type: cty.List(cty.String), Description: description}
	}
	attributes := []sdk.Attribute{
		{Name: "name", Type: cty.String, Required: true, Description: "Name of the model."},
		list("files", "Files to pack: paths in the work folder, or patterns (`*`, `?`, `[…]`, and `**` for any folders)."),
		{Name: "artifacts", Type: cty.Map(sdk.ArtifactType()), Description: "Files that other stages made, by the name that they get in the package."},
		text("base", "Folder that names in the package are relative to. Default: the deepest one that holds all `files`."),
		{Name: "kinds", Type: cty.Map(cty.String), Description: "What files are for, by name or pattern: `weight`, `config`, `doc`, `code` or `dataset`. Default: by the file's extension."},
		text("version", "Version of the model; also the tag, where it can be one."),
		text("title", "Title for people."),
		text("description", "What the model does."),
		text("family", "Model family, for example `llama3`."),
		text("vendor", "Organization that distributes the model."),
		list("authors", "People or organizations responsible for the model."),
		list("licenses", "SPDX license expressions."),
		text("doc_url", "Where the documentation is."),
		text("source_url", "Where the source code is."),
		list("dataset_urls", "Where the data are that the model was trained with, for the bill of materials."),
		{Name: "based_on", Type: cty.Map(sdk.ArtifactType()), Description: "Packages that the model was made from, by a name for each, for the bill of materials: `{ base = stage.base.artifact }`."},
		text("revision", "Source revision, for example `git.commit`. It becomes part of the digest."),
		text("created_at", "When the model was built, RFC 3339. It becomes part of the digest. Default: not said."),
		text("architecture", "Architecture, for example `transformer`."),
		text("format", "Format of the weights. Default: what they show."),
		text("param_size", "Number of parameters, for example `8b`. Default: counted, for safetensors."),
		text("precision", "Precision, for example `bfloat16`. Default: read from the weights, for safetensors."),
		text("quantization", "Quantization, for example `awq`."),
	}
	return sdk.Schema{
		Name: "model",
		Description: "Packs a model as an OCI artifact by the CNCF ModelPack specification. " +
			"Weights are raw layers: a layer's digest is the file's sha256. The same inputs give the same digest. " +
			"Safetensors files are checked by the rules of the format, and pickles are refused. " +
			"A bill of materials (CycloneDX 1.6) is stored beside it.",
		Effect:  sdk.EffectPure,
		Example: example,
		Config:  sdk.Block{Attributes: append(attributes, oci.Arguments()...), Blocks: []sdk.NestedBlock{oci.RegistryBlock(), signing.ModelBlock(), encryptBlock()}},
		Outputs: append(append(oci.Outputs(), sdk.Attribute{
			Name: "sbom", Type: cty.String, Description: "Digest of the manifest of the bill of materials, whose one layer is the file `sbom.cdx.json`.",
		}), signing.ModelOutputs()...),
	}
}

var (
	nameSyntax  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	countSyntax = regexp.MustCompile(`^[0-9]+(\.[0-9])?[QqTtBbMmKk]$`)
)

// Validate checks what can be known before there are files.
func (Builder) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	diags := oci.Validate(req)
	config := req.Config
	at := func(name string) sdk.Path { return sdk.At(sdk.Attr(name)) }
	if config.Set("name") && !nameSyntax.MatchString(config.String("name")) {
		diags.AddError(at("name"), "unusable name", "A name has up to 128 letters, digits, '.', '_' and '-', and begins with a letter or digit.")
	}
	if size := config.String("param_size"); config.Set("param_size") && !countSyntax.MatchString(size) {
		diags.AddError(at("param_size"), "unusable number of parameters", "The specification wants a number and a letter of K, M, B, T, Q, for example \"6.7B\".")
	}
	if created := config.String("created_at"); config.Set("created_at") {
		if _, err := time.Parse(time.RFC3339, created); err != nil {
			diags.AddError(at("created_at"), "unusable time", "Write it by RFC 3339, for example 2026-01-31T12:00:00Z.")
		}
	}
	validateFiles(&diags, req)
	validateOrigins(&diags, config)
	validateEncrypt(&diags, req)
	return append(diags, signing.Validate(config)...)
}

// Attach stores a statement of the runner beside the package.
func (Builder) Attach(ctx context.Context, req sdk.AttachRequest) (string, error) {
	return statement.Attach(ctx, req)
}

// Inputs are the files; artifacts are known by their digests.
func (Builder) Inputs(_ context.Context, req sdk.ValidateRequest) sdk.Inputs {
	var files []string
	for _, name := range req.Config.Strings("files") {
		clean, err := workspace.Clean(req.WorkDir, name)
		if err != nil {
			return sdk.Inputs{Reason: err.Error()}
		}
		files = append(files, clean)
	}
	if block, ok := req.Config.Block("encrypt"); ok || !req.Config.Known("encrypt") {
		if !ok || !block.Known("kms_command") || block.Set("kms_command") {
			return sdk.Inputs{Reason: "it has keys wrapped by a key management system"}
		}
		if name := block.String("recipients_file"); name != "" {
			clean, err := workspace.Clean(req.WorkDir, name)
			if err != nil {
				return sdk.Inputs{Reason: err.Error()}
			}
			files = append(files, workspace.Literal(clean))
		}
	}
	return oci.Inputs(req, files)
}

// validateOrigins checks what is said of where a model comes from.
func validateOrigins(diags *sdk.Diagnostics, config sdk.Config) {
	for i, address := range config.Strings("dataset_urls") {
		if u, err := url.Parse(address); err != nil || u.Scheme == "" {
			diags.AddError(sdk.At(sdk.Attr("dataset_urls"), sdk.Index(i)), "unusable address", "Write it as a URL, for example https://example.com/data/digits.csv.")
		}
	}
	for _, name := range []string{"doc_url", "source_url"} {
		if _, err := url.Parse(config.String(name)); err != nil {
			diags.AddError(sdk.At(sdk.Attr(name)), "unusable address", "Write it as a URL, for example https://example.com/models/digits.")
		}
	}
}

func validateFiles(diags *sdk.Diagnostics, req sdk.ValidateRequest) {
	config := req.Config
	if config.Known("files") && config.Known("artifacts") && len(config.Strings("files"))+len(config.Artifacts("artifacts")) == 0 {
		diags.AddError(sdk.At(sdk.Attr("files")), "nothing to pack", "Name at least one file in files, or one artifact in artifacts.")
	}
	for i, name := range config.Strings("files") {
		at := sdk.At(sdk.Attr("files"), sdk.Index(i))
		if _, err := workspace.Clean(req.WorkDir, name); err != nil {
			diags.AddError(at, "unusable file", err.Error()+"; files lie within the work folder")
		} else if err := workspace.CheckPattern(name); err != nil {
			diags.AddError(at, "unusable pattern", err.Error())
		}
	}
	if config.Set("base") {
		if _, err := workspace.Clean(req.WorkDir, config.String("base")); err != nil {
			diags.AddError(sdk.At(sdk.Attr("base")), "unusable folder", err.Error())
		}
	}
	for name := range config.Artifacts("artifacts") {
		if clean, err := workspace.Clean("/", name); err != nil || clean != name {
			diags.AddError(sdk.At(sdk.Attr("artifacts"), sdk.Key(name)), "unusable name", "The key is the file's relative path in the package.")
		}
	}
	if _, err := kindRules(config.StringMap("kinds")); err != nil {
		diags.AddError(sdk.At(sdk.Attr("kinds")), "unusable kinds", err.Error())
	}
}
