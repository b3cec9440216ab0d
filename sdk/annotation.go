package sdk

// Annotations of an Artifact that the runner turns into facts for policies. A
// builder sets one only when it has seen for itself what it says; a key that is
// left out means not known.
const (
	// AnnotationRegistryHost is host[:port] of the registry it was pushed to.
	AnnotationRegistryHost = "dev.stagegate.registry.host"

	// AnnotationRegistryTLS is the lowest TLS version among all connections of
	// the push, "1.2" or "1.3"; "none" when any of them was in clear.
	AnnotationRegistryTLS = "dev.stagegate.registry.tls"

	// AnnotationRegistryCA is "verified" when every server's certificate was
	// verified against a trusted authority; "none" without TLS.
	AnnotationRegistryCA = "dev.stagegate.registry.ca"

	// AnnotationFormat is the format of the weights: "safetensors" (all of them,
	// each header checked by the format's rules), "gguf", "onnx", "hdf5",
	// "unknown", or "mixed".
	AnnotationFormat = "dev.stagegate.format"

	// AnnotationEncryption says how the content is encrypted at rest: "absent",
	// or the name of the algorithm.
	AnnotationEncryption = "dev.stagegate.encryption"

	// AnnotationKeys names the keys that open encrypted content, separated by
	// spaces: fingerprints of recipients, and names of keys of a KMS. Never a key.
	AnnotationKeys = "dev.stagegate.encryption.keys"

	// AnnotationSignatures says which signatures the builder has attached, or has
	// verified on a package from outside: the words "cosign" (about the manifest)
	// and "oms" (an OpenSSF model signature over the files), separated by spaces;
	// "absent" when it has attached none.
	AnnotationSignatures = "dev.stagegate.signatures"

	// AnnotationSigner is who has signed all of them: "sha256:<hex>" over the DER
	// form of the public key.
	AnnotationSigner = "dev.stagegate.signer"

	// AnnotationSBOM is the digest of the bill of materials that the builder has
	// attached, "sha256:<hex>" of the document itself.
	AnnotationSBOM = "dev.stagegate.sbom"
)
