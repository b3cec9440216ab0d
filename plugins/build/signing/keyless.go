package signing

import (
	"context"

	"github.com/stagegate/stagegate/plugins/build/keyless"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

const keylessName = "keyless"

func keylessBlock() sdk.NestedBlock {
	return sdk.NestedBlock{Name: keylessName, Nesting: sdk.NestingSingle, Block: sdk.Block{
		Description: "Signs with a key that lives for this package alone: Fulcio certifies it for whoever the token names, and Rekor enters the signature in its log, which others can read. Nothing is published unless all of it verifies.",
		Attributes: []sdk.Attribute{
			{Name: "fulcio", Type: cty.String, Required: true, Description: "Address of Fulcio, whose API has version 2: `https://…`, or `http://…` on loopback alone."},
			{Name: "rekor", Type: cty.String, Required: true, Description: "Address of Rekor, whose API has version 1, likewise."},
			{Name: "identity_token", Type: cty.String, Required: true, Description: "OpenID Connect token of whoever signs, as `secret(\"…\")`. It goes to Fulcio, at the beginning, and again where packing takes longer than its certificate is good for."},
			{Name: "trusted_root", Type: cty.String, Required: true, Description: "Whom readers believe, in the form of sigstore: `file(\"trusted_root.json\")`. What Fulcio and Rekor answer is verified against it."},
			{Name: "identity", Type: cty.String, Description: "Whom the certificate has to be for: an e-mail address, or the URI of a workflow. Default: whoever the token names."},
			{Name: "issuer", Type: cty.String, Description: "Issuer of the token that the certificate has to name. Default: any that Fulcio takes."},
			{Name: "ca", Type: cty.String, Description: "PEM certificates of the only authorities to trust for TLS with both: `file(\"ca.pem\")`. Default: the system's."},
		},
	}}
}

func validateKeyless(diags *sdk.Diagnostics, sign sdk.Config) {
	b, _ := sign.Block(keylessName)
	at := func(name string) sdk.Path { return sdk.At(sdk.Attr(blockName), sdk.Attr(keylessName), sdk.Attr(name)) }
	for _, name := range []string{"fulcio", "rekor"} {
		if err := keyless.CheckAddress(b.String(name)); b.Set(name) && err != nil {
			diags.AddError(at(name), "unusable address", sentence(err))
		}
	}
	if !inClear(diags, b, "identity_token", at("identity_token")) && b.Set("identity_token") {
		if err := keyless.CheckToken(b.String("identity_token")); err != nil {
			diags.AddError(at("identity_token"), "unusable identity token", sentence(err))
		}
	}
	if b.Set("trusted_root") {
		if _, err := keyless.ParseRoot(b.String("trusted_root")); err != nil {
			diags.AddError(at("trusted_root"), "unusable trusted root", sentence(err)+" Give its content: trusted_root = file(\"trusted_root.json\").")
		}
	}
	if err := keyless.CheckAuthorities(b.String("ca")); b.Set("ca") && err != nil {
		diags.AddError(at("ca"), "unusable authorities", sentence(err)+" Give their content: ca = file(\"ca.pem\").")
	}
}

func openKeyless(ctx context.Context, b sdk.Config) (*keyless.Signer, error) {
	root, err := keyless.ParseRoot(b.String("trusted_root"))
	if err != nil {
		return nil, &sdk.Failure{Summary: "the trusted root cannot be used", Class: "bad_configuration", Cause: err}
	}
	return keyless.Open(ctx, keyless.Options{
		Fulcio: b.String("fulcio"), Rekor: b.String("rekor"), Authorities: b.String("ca"),
		Token: b.String("identity_token"), Root: root,
		Identity: keyless.Identity{Name: b.String("identity"), Issuer: b.String("issuer")},
	})
}
