package image

import (
	"context"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/signing"
	"github.com/stagegate/stagegate/plugins/build/statement"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// defaultUser is nobody in particular, and not root.
const defaultUser = "65532:65532"

// Builder implements sdk.Builder.
type Builder struct{}

var (
	_ sdk.Builder   = Builder{}
	_ sdk.Cacheable = Builder{}
	_ sdk.Attacher  = Builder{}
)

// Schema describes the component.
func (Builder) Schema() sdk.Schema {
	attributes := []sdk.Attribute{
		{Name: "name", Type: cty.String, Required: true, Description: "Name of the image; names the layout, not the repository."},
		{Name: "version", Type: cty.String, Description: "Version; also the tag, where it can be one."},
		{Name: "entrypoint", Type: cty.List(cty.String), Required: true, Description: "Program in the image, and its fixed arguments."},
		{Name: "cmd", Type: cty.List(cty.String), Description: "Arguments that whoever runs the image may replace."},
		{Name: "env", Type: cty.Map(cty.String), Description: "Environment. It can be read by anybody who has the image: no secrets."},
		{Name: "user", Type: cty.String, Description: "User and group to run as, as numbers. Default: `65532:65532`."},
		{Name: "working_dir", Type: cty.String, Description: "Folder to run in. Default: `/`."},
		{Name: "ports", Type: cty.List(cty.String), Description: "Ports that it listens on, for example `8080/tcp`."},
		{Name: "labels", Type: cty.Map(cty.String), Description: "Labels, for example `org.opencontainers.image.source`."},
		{Name: "platform", Type: cty.String, Description: "Platform, for example `linux/arm64`. Default: that of the entrypoint's binary."},
		{Name: "created_at", Type: cty.String, Description: "When it was built, RFC 3339. It becomes part of the digest. Default: 1970-01-01T00:00:00Z."},
	}
	return sdk.Schema{
		Name: "image",
		Description: "Packs a static binary and its data into a runnable OCI image, without a container engine. " +
			"There is no base image. The same inputs give the same digest.",
		Effect:  sdk.EffectPure,
		Example: example,
		Config: sdk.Block{
			Attributes: append(attributes, oci.Arguments()...),
			Blocks:     []sdk.NestedBlock{fileBlock(), oci.RegistryBlock(), signing.ImageBlock()},
		},
		Outputs: append(oci.Outputs(), signing.ImageOutputs()...),
	}
}

func fileBlock() sdk.NestedBlock {
	return sdk.NestedBlock{
		Name: "file", Nesting: sdk.NestingMap, MinItems: 1, Label: "Absolute path in the image.",
		Block: sdk.Block{
			Description: "A file, or a folder with all that is in it.",
			Attributes: []sdk.Attribute{
				{Name: "source", Type: cty.String, Description: "File or folder in the work folder."},
				{Name: "artifact", Type: sdk.ArtifactType(), Description: "A file that another stage made, instead of `source`."},
				{Name: "mode", Type: cty.String, Description: "Permissions in octal, for example `0755`. Default: `0755` for what its owner may execute, `0644` for the rest."},
			},
		},
	}
}

var (
	nameSyntax     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	userSyntax     = regexp.MustCompile(`^[0-9]{1,10}(:[0-9]{1,10})?$`)
	portSyntax     = regexp.MustCompile(`^([0-9]{1,5})(/(tcp|udp|sctp))?$`)
	platformSyntax = regexp.MustCompile(`^linux/(386|amd64|arm|arm64|ppc64le|riscv64|s390x)$`)
)

// Validate checks what can be known before there are files.
func (Builder) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	diags := oci.Validate(req)
	config := req.Config
	at := func(name string) sdk.Path { return sdk.At(sdk.Attr(name)) }
	if config.Set("name") && !nameSyntax.MatchString(config.String("name")) {
		diags.AddError(at("name"), "unusable name", "A name has up to 128 letters, digits, '.', '_' and '-', and begins with a letter or digit.")
	}
	if config.Set("entrypoint") {
		if words := config.Strings("entrypoint"); len(words) == 0 || !absolute(words[0]) {
			diags.AddError(at("entrypoint"), "unusable entrypoint", "The first element is the absolute path of a program in the image: there is no shell and no PATH.")
		}
	}
	if config.Set("user") && !userSyntax.MatchString(config.String("user")) {
		diags.AddError(at("user"), "unusable user", "Write numbers, for example \"65532:65532\": the image has no list of user names.")
	}
	if config.Set("working_dir") && !absolute(config.String("working_dir")) && config.String("working_dir") != "/" {
		diags.AddError(at("working_dir"), "unusable folder", "It is an absolute path in the image.")
	}
	if config.Set("platform") && !platformSyntax.MatchString(config.String("platform")) {
		diags.AddError(at("platform"), "unknown platform", "Known are linux/amd64, linux/arm64, linux/arm, linux/386, linux/ppc64le, linux/riscv64 and linux/s390x.")
	}
	if config.Set("created_at") {
		if _, err := time.Parse(time.RFC3339, config.String("created_at")); err != nil {
			diags.AddError(at("created_at"), "unusable time", "Write it by RFC 3339, for example 2026-01-31T12:00:00Z.")
		}
	}
	for i, port := range config.Strings("ports") {
		if !validPort(port) {
			diags.AddError(sdk.At(sdk.Attr("ports"), sdk.Index(i)), "unusable port", fmt.Sprintf("%q is not a port: write 8080, 8080/tcp or 53/udp.", port))
		}
	}
	for name := range config.StringMap("env") {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			diags.AddError(sdk.At(sdk.Attr("env"), sdk.Key(name)), "unusable variable name", "It is empty, or has '=' or NUL in it.")
		}
	}
	if config.Get("env").ContainsMarked() {
		diags.AddError(at("env"), "a secret in the environment of an image", "Anybody who has the image can read it. Give the secret to the container when it runs.")
	}
	diags = append(diags, signing.Validate(config)...)
	return append(diags, validateFiles(req)...)
}

// Attach stores a statement of the runner beside the package.
func (Builder) Attach(ctx context.Context, req sdk.AttachRequest) (string, error) {
	return statement.Attach(ctx, req)
}

// Inputs are the files and folders; artifacts are known by their digests.
func (Builder) Inputs(_ context.Context, req sdk.ValidateRequest) sdk.Inputs {
	var files []string
	for _, block := range req.Config.LabelledBlocks("file") {
		if !block.Set("source") {
			continue
		}
		clean, err := workspace.Clean(req.WorkDir, block.String("source"))
		if err != nil {
			return sdk.Inputs{Reason: err.Error()}
		}
		files = append(files, workspace.Literal(clean))
	}
	slices.Sort(files)
	return oci.Inputs(req, files)
}

func validateFiles(req sdk.ValidateRequest) sdk.Diagnostics {
	var diags sdk.Diagnostics
	files := req.Config.LabelledBlocks("file")
	for _, target := range slices.Sorted(maps.Keys(files)) {
		block := files[target]
		at := func(steps ...sdk.Step) sdk.Path {
			return append(sdk.At(sdk.Attr("file"), sdk.Key(target)), steps...)
		}
		if !absolute(target) {
			diags.AddError(at(), "unusable path in the image", fmt.Sprintf("%q is not an absolute path of a file, without '.', '..' and '//'.", target))
		}
		if block.Known("source") && block.Known("artifact") && block.Set("source") == block.Set("artifact") {
			diags.AddError(at(), "no source, or two", "A file comes from `source` or from `artifact`; write one of them.")
		}
		if block.Set("source") {
			if _, err := workspace.Clean(req.WorkDir, block.String("source")); err != nil {
				diags.AddError(at(sdk.Attr("source")), "unusable file", err.Error()+"; files lie within the work folder")
			}
		}
		if block.Set("mode") {
			if _, err := parseMode(block.String("mode")); err != nil {
				diags.AddError(at(sdk.Attr("mode")), "unusable mode", err.Error())
			}
		}
	}
	return diags
}

// absolute reports whether p names something below the image's root.
func absolute(p string) bool {
	return len(p) > 1 && path.IsAbs(p) && path.Clean(p) == p && !strings.ContainsRune(p, 0)
}

// parseMode reads permissions. Bits that change whose rights a program has are
// refused.
func parseMode(s string) (int64, error) {
	mode, err := strconv.ParseInt(s, 8, 64)
	if err != nil || mode < 0 || mode > 0o777 {
		return 0, fmt.Errorf("%q is not an octal number from 0000 to 0777", s)
	}
	return mode, nil
}

func validPort(s string) bool {
	m := portSyntax.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	n, err := strconv.Atoi(m[1])
	return err == nil && n > 0 && n < 1<<16
}
