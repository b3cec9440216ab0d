// Package cosign signs manifests as cosign 3 does, and reads what cosign has
// attached to one: bundles that refer to it, and the tags of earlier versions.
// The artifact of an attachment is believed only when its signed statement names
// the digest that was asked for.
package cosign
