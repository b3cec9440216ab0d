package oci

// MediaTypeEncrypted is the type of a layer that is an age file. It is none of
// ModelPack's on purpose: a reader that knows no encryption has to stop here,
// instead of taking ciphertext for weights.
const MediaTypeEncrypted = "application/vnd.stagegate.encrypted.v1+age"

// Annotations of such a layer.
const (
	// AnnotationPlainMediaType is the media type of what is encrypted.
	AnnotationPlainMediaType = "dev.stagegate.encrypted.mediatype"

	// AnnotationPlainDigest is the digest of what is encrypted. The config has it
	// too, among its diffIds.
	AnnotationPlainDigest = "dev.stagegate.encrypted.digest"

	// AnnotationRecipients are fingerprints of the keys that open it, separated by
	// commas.
	AnnotationRecipients = "dev.stagegate.encrypted.recipients"

	// AnnotationKMSKey is the name of the key of a key management system that
	// opens it.
	AnnotationKMSKey = "dev.stagegate.encrypted.kms-key"
)
