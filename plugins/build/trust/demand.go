package trust

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/oms"
	"github.com/stagegate/stagegate/plugins/build/refusal"
	"github.com/stagegate/stagegate/plugins/build/signing"
	"github.com/stagegate/stagegate/sdk"
)

// Demand is what has to be signed, and by whom. A nil Demand asks for nothing.
type Demand struct {
	vouchers      []voucher // each counts
	cosign, model bool
}

// Check looks for the signatures of a manifest. It returns a failure unless all
// that is demanded is there.
func (d *Demand) Check(ctx context.Context, store cosign.Store, subject digest.Digest) (*Vouched, error) {
	if d == nil {
		return nil, nil //nolint:nilnil // documented: nothing is demanded
	}
	found, err := cosign.Find(ctx, store, subject)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, refusal.Explain(err, "signatures_unreadable", "the signatures of the package cannot be read")
	}
	v := &Vouched{subject: subject}
	if d.model {
		if err := d.findModels(found, v); err != nil {
			return nil, err
		}
	}
	if d.cosign {
		if err := d.findManifest(found, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// findManifest takes the first signature of the manifest that counts.
func (d *Demand) findManifest(found []cosign.Found, v *Vouched) error {
	var refused []error
	for _, f := range found {
		if f.PredicateType != cosign.PredicateType {
			continue
		}
		by, statement, err := first(d.vouchers, f)
		if err == nil {
			_, err = f.About(statement)
		}
		if err == nil {
			v.Manifest = true
			v.counted = append(v.counted, counted{signing.WordCosign, by.who(), f})
			return nil
		}
		refused = append(refused, err)
	}
	return d.refuse(v.subject, "cosign signature", refused)
}

// findModels collects all model signatures that count. An older one of other files
// may be attached as well, so that the files decide which of them is meant.
func (d *Demand) findModels(found []cosign.Found, v *Vouched) error {
	var refused []error
	for _, f := range found {
		if f.PredicateType != oms.PredicateType || f.Format != cosign.FormatBundle {
			continue
		}
		by, statement, err := first(d.vouchers, f)
		var m oms.Model
		if err == nil {
			m, err = oms.Parse(statement)
		}
		if err != nil {
			refused = append(refused, err)
			continue
		}
		v.models = append(v.models, model{m, counted{signing.WordModel, by.who(), f}})
	}
	if len(v.models) > 0 {
		return nil
	}
	return d.refuse(v.subject, "model signature", refused)
}

// maxRefused bounds how many signatures a message names.
const maxRefused = 5

func (d *Demand) refuse(subject digest.Digest, what string, refused []error) error {
	names := make([]string, len(d.vouchers))
	for i, v := range d.vouchers {
		names[i] = v.who().String()
	}
	wanted := fmt.Sprintf("Wanted is a %s by %s.", what, strings.Join(names, " or "))
	if len(refused) == 0 {
		return &sdk.Failure{
			Summary: "the package has no " + what, Class: "unsigned", Cause: fmt.Errorf("none is attached to %s", subject),
			Detail: wanted + " Have whoever publishes the package sign it. Where it was copied, its signatures have to be copied as well. Nothing of it was used.",
		}
	}
	shown := errors.Join(refused[:min(len(refused), maxRefused)]...)
	if more := len(refused) - maxRefused; more > 0 {
		shown = fmt.Errorf("%w\nand %d more", shown, more)
	}
	return &sdk.Failure{
		Summary: "no " + what + " of the package counts", Class: "signature_refused", Cause: shown,
		Detail: wanted + " Find out who has signed it before you trust another key or identity. Nothing of it was used.",
	}
}

func short(d digest.Digest) string { return fmt.Sprintf("%.19s", d) }
