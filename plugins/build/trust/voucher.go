package trust

import (
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/keyless"
	"github.com/stagegate/stagegate/plugins/build/signing"
)

// voucher is somebody whose signatures count.
type voucher interface {
	who() signing.Who
	// statement is what that somebody has signed, whatever it is about.
	statement(f cosign.Found) ([]byte, error)
}

// holder has a key.
type holder struct{ key bundle.PublicKey }

func (h holder) who() signing.Who { return signing.Who{Key: h.key.Fingerprint()} }

func (h holder) statement(f cosign.Found) ([]byte, error) { return f.Signed(h.key) }

// certified has an identity that an authority certifies.
type certified struct {
	root     *keyless.Root
	identity keyless.Identity
}

func (c certified) who() signing.Who { return signing.Who{Identity: c.identity} }

func (c certified) statement(f cosign.Found) ([]byte, error) {
	if f.Format != cosign.FormatBundle {
		return nil, errors.New("it is in the layout before cosign 3, of which certificates are not read")
	}
	return c.root.Verify(f.Bundle, c.identity)
}

// telling keeps what says most: that somebody else has signed says least.
func telling(before, now error) error {
	if before != nil && errors.Is(now, bundle.ErrOtherKey) {
		return before
	}
	return now
}

// first is the first voucher that has signed something found, and what.
func first(vouchers []voucher, f cosign.Found) (voucher, []byte, error) {
	var why error
	for _, v := range vouchers {
		statement, err := v.statement(f)
		if err == nil {
			return v, statement, nil
		}
		why = telling(why, err)
	}
	return nil, nil, fmt.Errorf("%s (%s): %w", short(f.Manifest), f.Format, why)
}
