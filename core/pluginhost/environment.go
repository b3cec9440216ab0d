package pluginhost

import (
	"slices"
	"strings"

	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/process"
)

// networkVariables are what plugins get of the runner's environment beyond
// what commands get: where the network, Docker and Kubernetes are.
func networkVariables() []string {
	return []string{
		"SSL_CERT_FILE", "SSL_CERT_DIR",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
		"DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY",
		"KUBECONFIG",
	}
}

// environment is what a plugin gets. Nothing of the runner's own environment
// passes that is not named.
func environment(o Options, instance string) []string {
	names := slices.Concat(process.BaseVariables(), networkVariables(), o.PassEnv)
	var env []string
	for _, v := range o.Environ {
		name, _, _ := strings.Cut(v, "=")
		if slices.Contains(names, name) && !reserved(name) {
			env = append(env, v)
		}
	}
	if len(o.PassEnv) > 0 {
		env = append(env, process.PassVariable+"="+strings.Join(o.PassEnv, ","))
	}
	if o.TrustRoot != "" {
		env = append(env, sdk.TrustRootVariable+"="+o.TrustRoot)
	}
	return append(env, process.InstanceVariable+"="+instance)
}

// reserved names are set by the runner alone, even where the operator passes
// them on: they decide whom a plugin trusts and which processes are ours.
func reserved(name string) bool {
	return strings.HasPrefix(name, "PLUGIN_") || slices.Contains([]string{
		process.InstanceVariable, process.AttemptVariable, process.PassVariable,
		sdk.TrustRootVariable, sdk.Handshake().MagicCookieKey,
	}, name)
}
