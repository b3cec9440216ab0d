package signing_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stagegate/stagegate/plugins/build/keyless/keylesstest"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

// cosign 3, where it is installed, believes what is signed here without a key, for
// the identity that has signed it and for no other.
func TestCosignAcceptsKeyless(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("cosign")
	if err != nil {
		t.Skip("cosign is not installed")
	}
	i := keylesstest.Start(t, keylesstest.Faults{})
	for name, host := range map[string]string{"API": ocitest.StartReferrers(t).Host, "fallback": ocitest.StartPlain(t, nil).Host} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := start(t).Build("model", model(withRegistry(host, map[string]cty.Value{"sign": certified(t, i, nil)})), plugintest.Options{WorkDir: weights(t)})
			if !got.Succeeded() {
				t.Fatal(got)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "root.json"), []byte(i.Root), 0o600); err != nil {
				t.Fatal(err)
			}
			reference := host + "/models/digits@" + text(got, "digest")
			for _, tc := range []struct {
				command          []string
				identity, issuer string
				good             bool
			}{
				{[]string{"verify"}, workflow, keylesstest.Issuer, true},
				{[]string{"verify-attestation", "--type", "cyclonedx"}, workflow, keylesstest.Issuer, true},
				{[]string{"verify"}, workflow + "/fork", keylesstest.Issuer, false},
				{[]string{"verify"}, workflow, "https://accounts.example.com", false},
			} {
				args := append(tc.command, "--certificate-identity", tc.identity, "--certificate-oidc-issuer", tc.issuer,
					"--trusted-root", "root.json", "--insecure-ignore-sct=true", "--allow-http-registry=true", reference)
				if out, err := run(t.Context(), tool, dir, args); (err == nil) != tc.good {
					t.Errorf("cosign %q: %v\n%s", args, err, out)
				}
			}
		})
	}
}

// run runs cosign without anything of the user's.
func run(ctx context.Context, tool, dir string, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
