package trust

import (
	"github.com/stagegate/stagegate/plugins/build/keyless"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

const keylessName = "keyless"

func keylessBlock() sdk.NestedBlock {
	return sdk.NestedBlock{Name: keylessName, Nesting: sdk.NestingSingle, Block: sdk.Block{
		Description: "Signatures count that were made with a certificate for one identity, and entered in a log while it was valid.",
		Attributes: []sdk.Attribute{
			{Name: "identity", Type: cty.String, Required: true, Description: "Whom the certificate has to be for, to the letter: an e-mail address, or the URI of a workflow."},
			{Name: "issuer", Type: cty.String, Required: true, Description: "Who has vouched for the identity, to the letter: the issuer of the token, which the certificate names."},
			{Name: "trusted_root", Type: cty.String, Required: true, Description: "Authorities and logs to believe, in the form of sigstore: `file(\"trusted_root.json\")`."},
		},
	}}
}

func validateKeyless(diags *sdk.Diagnostics, verify sdk.Config, below func(...sdk.Step) sdk.Path) {
	b, _ := verify.Block(keylessName)
	at := func(name string) sdk.Path { return below(sdk.Attr(keylessName), sdk.Attr(name)) }
	for _, name := range []string{"identity", "issuer"} {
		if b.Set(name) && b.Known(name) && b.String(name) == "" {
			diags.AddError(at(name), "nobody to trust", "An empty name is nobody's.")
		}
	}
	if b.Set("trusted_root") {
		if _, err := keyless.ParseRoot(b.String("trusted_root")); err != nil {
			diags.AddError(at("trusted_root"), "unusable trusted root", err.Error()+". Give its content: trusted_root = file(\"trusted_root.json\").")
		}
	}
}

func openKeyless(b sdk.Config) (certified, error) {
	root, err := keyless.ParseRoot(b.String("trusted_root"))
	if err != nil {
		return certified{}, &sdk.Failure{Summary: "the trusted root cannot be used", Class: "bad_configuration", Cause: err}
	}
	return certified{root, keyless.Identity{Name: b.String("identity"), Issuer: b.String("issuer")}}, nil
}
