// Package refusal says no to what a user, or somebody outside, has given, in
// words for the user.
package refusal

import (
	"errors"

	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/sdk"
)

// New says no.
func New(class, summary, detail string, cause error) error {
	return &sdk.Failure{Summary: summary, Detail: detail, Class: class, Cause: cause}
}

// Explain passes on what is explained already, and says no to the rest.
func Explain(err error, class, summary string) error {
	var failure *sdk.Failure
	if errors.As(err, &failure) {
		return err
	}
	var changed *oci.ChangedError
	if errors.As(err, &changed) {
		return &sdk.Failure{
			Summary: changed.Name + " is not what its digest says", Class: "digest_mismatch", Broken: true, Cause: err,
			Detail: "Whoever keeps the package has changed or damaged it. Nothing of it was kept.",
		}
	}
	return New(class, summary, "", err)
}
