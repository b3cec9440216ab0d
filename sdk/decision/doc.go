// Package decision is the signed statement that a plan may be applied: an
// in-toto Statement with a SLSA verification summary about the plan's digest,
// in a DSSE envelope signed with Ed25519.
//
// The runner signs; the deployer side of the SDK verifies before Apply, so that
// nothing but the very plan that was judged reaches an environment. The package
// imports nothing of the SDK, which imports it, but strictjson.
package decision
