package pluginhost

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironmentIsScrubbed(t *testing.T) {
	t.Parallel()
	o := Options{
		Environ: []string{
			"PATH=/bin", "HOME=/home/x", "KUBECONFIG=/k", "no_proxy=n", "TEAM=a", "AWS_SECRET_ACCESS_KEY=s",
			"RUNNER_TRUST_ROOT=/evil", "RUNNER_PLUGIN_INSTANCE=evil", "RUNNER_ATTEMPT=evil", "RUNNER_PASS_ENV=AWS_SECRET_ACCESS_KEY",
			"PLUGIN_CLIENT_CERT=evil", "LD_PRELOAD=evil",
		},
		PassEnv:   []string{"TEAM", "RUNNER_TRUST_ROOT", "PLUGIN_CLIENT_CERT", "RUNNER_ATTEMPT", "RUNNER_PLUGIN_INSTANCE"},
		TrustRoot: "/keys",
	}
	got := environment(o, "id.1")
	slices.Sort(got)
	want := []string{
		"HOME=/home/x", "KUBECONFIG=/k", "PATH=/bin", "RUNNER_PASS_ENV=" + strings.Join(o.PassEnv, ","),
		"RUNNER_PLUGIN_INSTANCE=id.1", "RUNNER_TRUST_ROOT=/keys", "TEAM=a", "no_proxy=n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := environment(Options{}, "id.1"); len(got) != 1 {
		t.Errorf("without options got %v", got)
	}
}
