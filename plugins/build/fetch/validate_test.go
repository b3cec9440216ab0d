package fetch_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	h := start(t)
	sum := digest.FromString("x").String()
	from := "registry.example.com/models/digits@" + sum
	secret := identity(t)
	at := func(steps ...sdk.Step) sdk.Path { return sdk.At(steps...) }
	for name, tc := range map[string]struct {
		config cty.Value
		path   sdk.Path
		want   string
	}{
		"nothing":        {object("into", "in"), at(sdk.Attr("from")), "which package"},
		"both":           {object("into", "in", "from", from, "artifact", sdk.Artifact{}.Value()), at(sdk.Attr("from")), "which package"},
		"no reference":   {object("into", "in", "from", "registry.example.com/models/digits"), at(sdk.Attr("from")), "unusable reference"},
		"no registry":    {object("into", "in", "from", "digits@"+sum), at(sdk.Attr("from")), "unusable reference"},
		"short digest":   {object("into", "in", "from", "registry.example.com/models/digits@sha256:12"), at(sdk.Attr("from")), "unusable reference"},
		"layout outside": {object("into", "in", "from", "oci-layout:../x@"+sum), at(sdk.Attr("from")), "unusable layout folder"},
		"bare layout":    {object("into", "in", "from", "oci-layout:dist"), at(sdk.Attr("from")), "unusable reference"},
		"into":           {object("into", "/etc", "from", from), at(sdk.Attr("into")), "unusable folder"},
		"CA":             {object("into", "in", "from", from, "ca_file", "../ca.pem"), at(sdk.Attr("ca_file")), "unusable CA file"},
		"plain HTTP":     {object("into", "in", "from", from, "plain_http", cty.True), at(sdk.Attr("plain_http")), "plain HTTP to another machine"},
		"no key":         {object("into", "in", "from", from, "decrypt", object("kms_key", "k")), at(sdk.Attr("decrypt")), "nothing to decrypt with"},
		"public key":     {object("into", "in", "from", from, "decrypt", object("identities", []string{secret.String(), secret.Recipient().String()})), at(sdk.Attr("decrypt"), sdk.Attr("identities"), sdk.Index(1)), "unusable identity"},
		"empty command":  {object("into", "in", "from", from, "decrypt", object("kms_command", []string{""})), at(sdk.Attr("decrypt"), sdk.Attr("kms_command")), "no program"},
		"name of key":    {object("into", "in", "from", from, "decrypt", object("kms_command", []string{"x"}, "kms_key", "a b")), at(sdk.Attr("decrypt"), sdk.Attr("kms_key")), "unusable name of a key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := h.Validate("fetch", tc.config)
			if len(diags) != 1 || diags[0].Summary != tc.want || diags[0].Detail == "" || strings.Contains(diags[0].Detail, secret.String()) {
				t.Fatalf("diagnostics %+v, want one %q", diags, tc.want)
			}
			if diff := cmp.Diff(tc.path, diags[0].Path); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, good := range []string{
		from, "oci://" + from, "registry.example.com/models/digits:1.0@" + sum, "localhost:5000/digits:1.0", "oci-layout:dist/digits@" + sum, "oci-layout:dist/digits:1.0",
	} {
		if diags := h.Validate("fetch", object("into", "in", "from", good)); len(diags) != 0 {
			t.Errorf("%s: %+v", good, diags)
		}
	}
}
