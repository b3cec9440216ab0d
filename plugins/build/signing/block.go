package signing

import (
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/oms"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

const blockName = "sign"

// ImageBlock is the block of builders of images.
func ImageBlock() sdk.NestedBlock {
	return block("Signs the manifest as cosign 3 does; the signature refers to it where it is stored.")
}

// ModelBlock is the block of builders of models.
func ModelBlock() sdk.NestedBlock {
	return block("Signs the files by OpenSSF Model Signing 1.0, and the manifest as cosign 3 does. Both signatures refer to the manifest where it is stored.",
		sdk.Attribute{Name: "method", Type: cty.String, Description: "What of the model gets a digest of its own in its signature: `files`, or `shards` of 1,000,000,000 bytes, which costs reading each file once more. Default: `files`."})
}

func block(description string, more ...sdk.Attribute) sdk.NestedBlock {
	return sdk.NestedBlock{Name: blockName, Nesting: sdk.NestingSingle, Block: sdk.Block{
		Description: description,
		Blocks:      []sdk.NestedBlock{keylessBlock()},
		Attributes: append([]sdk.Attribute{
			{Name: "key", Type: cty.String, Description: "Private key, as `secret(\"…\")`: PEM of an elliptic-curve key on P-256, P-384 or P-521, by PKCS#8 or SEC 1, or what `cosign generate-key-pair` writes. It, or a block `keyless`, is needed."},
			{Name: "password", Type: cty.String, Description: "Password of a key that cosign has encrypted, as `secret(\"…\")`."},
		}, more...),
	}}
}

// ImageOutputs are the outputs of builders of images.
func ImageOutputs() []sdk.Attribute {
	return []sdk.Attribute{
		{Name: "signature", Type: cty.String, Description: "Digest of the manifest of the cosign signature. Null without `sign`."},
	}
}

// ModelOutputs are the outputs of builders of models.
func ModelOutputs() []sdk.Attribute {
	return append(ImageOutputs(), sdk.Attribute{
		Name: "model_signature", Type: cty.String,
		Description: "Digest of the manifest of the model signature, whose one layer is the file `model.sig`. Null without `sign`.",
	})
}

// Validate checks the block as far as it is known.
func Validate(config sdk.Config) sdk.Diagnostics {
	var diags sdk.Diagnostics
	b, ok := config.Block(blockName)
	if !ok {
		return nil
	}
	validateKey(&diags, b)
	_, certified := b.Block(keylessName)
	switch {
	case certified && (b.Set("key") || b.Set("password")):
		diags.AddError(sdk.At(sdk.Attr(blockName), sdk.Attr(keylessName)), "two ways to sign", "A package is signed with a key, or with a certificate. Leave out key and password, or the block keyless.")
	case certified:
		validateKeyless(&diags, b)
	case b.Known("key") && b.Known(keylessName) && !b.Set("key"):
		diags.AddError(sdk.At(sdk.Attr(blockName)), "nothing to sign with", "Name a key, key = secret(\"…\"), or have one certified with a block keyless.")
	}
	if m := method(b); m != oms.Files && m != oms.Shards {
		diags.AddError(sdk.At(sdk.Attr(blockName), sdk.Attr("method")), "unknown method", fmt.Sprintf("%q is not \"files\" or \"shards\".", m))
	}
	return diags
}

func validateKey(diags *sdk.Diagnostics, b sdk.Config) {
	at := func(name string) sdk.Path { return sdk.At(sdk.Attr(blockName), sdk.Attr(name)) }
	clear := false
	for _, name := range []string{"key", "password"} {
		if inClear(diags, b, name, at(name)) {
			clear = true
		}
	}
	if !clear && b.Set("key") && b.Known("password") {
		if _, err := bundle.ParseKey([]byte(b.String("key")), []byte(b.String("password"))); err != nil {
			diags.AddError(at("key"), "unusable signing key", sentence(err))
		}
	}
}

// inClear reports a secret that is written into the pipeline.
func inClear(diags *sdk.Diagnostics, b sdk.Config, name string, at sdk.Path) bool {
	if !b.Set(name) || b.Get(name).IsMarked() {
		return false
	}
	diags.AddError(at, "a secret in clear", fmt.Sprintf("Whoever sees the pipeline, or its plan, sees it. Have the operator name it as a secret, and write %s = secret(\"…\").", name))
	return true
}

// method is the method of a model signature; that of images has none.
func method(b sdk.Config) oms.Method {
	if !b.Value().Type().HasAttribute("method") || !b.Set("method") {
		return oms.Files
	}
	return oms.Method(b.String("method"))
}

// sentence is an error as the detail of a diagnostic.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
