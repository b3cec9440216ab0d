package sdk

import "github.com/hashicorp/go-plugin"

// ProtocolName is the one entry of go-plugin's map of plugins.
const ProtocolName = "runner.plugin.v1"

// ServerName is the name in the certificates of both sides.
const ServerName = "runner-plugin"

// TrustRootVariable names the file with the operator's public keys, against
// which decisions are verified. The runner sets it; a pipeline cannot.
const TrustRootVariable = "RUNNER_TRUST_ROOT"

// Handshake is what both sides must agree on before anything else.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  1,
		MagicCookieKey:   "RUNNER_PLUGIN",
		MagicCookieValue: "8f1f7f0e-a-plugin-is-started-by-the-runner",
	}
}
