package signing

import (
	"github.com/stagegate/stagegate/plugins/build/keyless"
	"github.com/stagegate/stagegate/sdk"
)

// Who has signed: somebody with a key, or somebody whose identity was certified.
type Who struct {
	Key      string // its fingerprint
	Identity keyless.Identity
}

// String is for people.
func (w Who) String() string {
	if w.Key != "" {
		return "the key " + w.Key
	}
	return w.Identity.String()
}

// Annotate adds to an artifact's annotations who has signed it.
func (w Who) Annotate(notes map[string]string) {
	notes[sdk.AnnotationSigner] = w.Key
	if w.Key == "" {
		// An issuer has no space in it, and so this is never the name of a key.
		notes[sdk.AnnotationSigner] = w.Identity.Issuer + " " + w.Identity.Name
	}
}
