package trust

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/signing"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

const blockName = "verify"

// Block is the block of components that use a package from outside.
func Block() sdk.NestedBlock {
	return sdk.NestedBlock{Name: blockName, Nesting: sdk.NestingSingle, Block: sdk.Block{
		Description: "Has the package refused unless it is signed, before anything is unpacked. Without it nobody vouches for the package but whoever has written down its digest.",
		Attributes:  Attributes(),
		Blocks:      []sdk.NestedBlock{keylessBlock()},
	}}
}

// Attributes are the arguments of the block.
func Attributes() []sdk.Attribute {
	return []sdk.Attribute{
		{Name: "keys", Type: cty.List(cty.String), Description: "Public keys whose signatures count, each in PEM: `[file(\"release.pub\")]`. They are on P-256, P-384 or P-521. One of them has to have signed. They, or a block `keyless`, are needed."},
		{Name: "signatures", Type: cty.List(cty.String), Description: "What has to be signed: `cosign` (the manifest, by cosign 3 or before), `oms` (the files, by OpenSSF Model Signing 1.0), or both. Default: `[\"cosign\"]`."},
	}
}

// Validate checks the block as far as it is known.
func Validate(config sdk.Config) sdk.Diagnostics {
	b, ok := config.Block(blockName)
	if !ok {
		return nil
	}
	return ValidateAttributes(b, sdk.At(sdk.Attr(blockName)))
}

// ValidateAttributes checks the arguments where a component has them itself.
func ValidateAttributes(b sdk.Config, at sdk.Path) sdk.Diagnostics {
	var diags sdk.Diagnostics
	below := func(steps ...sdk.Step) sdk.Path { return append(at[:len(at):len(at)], steps...) }
	for i, text := range b.Strings("keys") {
		if _, err := parseKey(text); err != nil {
			diags.AddError(below(sdk.Attr("keys"), sdk.Index(i)), "unusable public key", err.Error())
		}
	}
	_, certified := b.Block(keylessName)
	switch {
	case certified && b.Set("keys"):
		diags.AddError(below(sdk.Attr(keylessName)), "two ways to trust", "Signatures count by key, or by identity. Leave out keys, or the block keyless.")
	case certified:
		validateKeyless(&diags, b, below)
	case b.Set("keys") && len(b.Strings("keys")) == 0, b.Known("keys") && b.Known(keylessName) && !b.Set("keys"):
		diags.AddError(below(sdk.Attr("keys")), "nobody to trust", "Name the public key of whoever signs the package, keys = [file(\"release.pub\")], or an identity in a block keyless.")
	}
	for i, word := range b.Strings("signatures") {
		if word != signing.WordCosign && word != signing.WordModel {
			diags.AddError(below(sdk.Attr("signatures"), sdk.Index(i)), "unknown signature", fmt.Sprintf("%q is not \"cosign\" or \"oms\".", word))
		}
	}
	if b.Set("signatures") && len(b.Strings("signatures")) == 0 {
		diags.AddError(below(sdk.Attr("signatures")), "nothing to verify", "Name \"cosign\", \"oms\" or both, or leave the argument out.")
	}
	return diags
}

// parseKey says what is wrong with a key that is none, as a sentence.
func parseKey(text string) (bundle.PublicKey, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil && strings.Contains(block.Type, "PRIVATE KEY") {
		return bundle.PublicKey{}, errors.New("it is a private key, which must not be here; name the public key that belongs to it (openssl pkey -pubout writes it)")
	}
	key, err := bundle.ParsePublicKey(bytes.TrimSpace([]byte(text)))
	if err != nil {
		return key, fmt.Errorf("%w; cosign public-key, and openssl pkey -pubout, write one", err)
	}
	return key, nil
}

// Open reads the block; without one the Demand is nil.
func Open(config sdk.Config) (*Demand, error) {
	b, ok := config.Block(blockName)
	if !ok {
		return nil, nil //nolint:nilnil // documented: nothing is demanded
	}
	return OpenAttributes(b)
}

// OpenAttributes reads the arguments where a component has them itself.
func OpenAttributes(b sdk.Config) (*Demand, error) {
	vouchers, err := openVouchers(b)
	if err != nil {
		return nil, err
	}
	d := &Demand{vouchers: vouchers}
	words := b.Strings("signatures")
	for _, word := range words {
		d.cosign = d.cosign || word == signing.WordCosign
		d.model = d.model || word == signing.WordModel
	}
	if len(words) == 0 {
		d.cosign = true
	}
	if !d.cosign && !d.model {
		return nil, unusable(fmt.Errorf("%q are no signatures", words))
	}
	return d, nil
}

func openVouchers(b sdk.Config) ([]voucher, error) {
	if block, ok := b.Block(keylessName); ok {
		by, err := openKeyless(block)
		if err != nil {
			return nil, err
		}
		return []voucher{by}, nil
	}
	var out []voucher
	for _, text := range b.Strings("keys") {
		key, err := parseKey(text)
		if err != nil {
			return nil, unusable(err)
		}
		out = append(out, holder{key})
	}
	if len(out) == 0 {
		return nil, unusable(errors.New("there is none"))
	}
	return out, nil
}

func unusable(err error) error {
	return &sdk.Failure{Summary: "the keys cannot be used", Class: "bad_configuration", Cause: err}
}
