package cosign

import (
	"context"
	"errors"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/sdk"
)

// errTooMuch says that somebody has attached more than is looked through.
var errTooMuch = fmt.Errorf("what is attached to it has more than %d bytes", maxTotal)

// bounded is a store of which no more than so many bytes are read.
type bounded struct {
	Store
	left int64
}

// Small implements Store.
func (b *bounded) Small(ctx context.Context, desc ocispec.Descriptor, limit int64) ([]byte, error) {
	if desc.Size > b.left {
		return nil, errTooMuch
	}
	b.left -= max(desc.Size, 0)
	return b.Store.Small(ctx, desc, limit)
}

// ends tells what ends a search from what is passed over: the context, too much to
// read, and a registry that may answer later.
func ends(ctx context.Context, err error) bool {
	var failure *sdk.Failure
	return err != nil && (ctx.Err() != nil || errors.Is(err, errTooMuch) || errors.As(err, &failure) && failure.Transient)
}
