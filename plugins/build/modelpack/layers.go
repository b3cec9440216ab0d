package modelpack

import (
	"context"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// parallelLayers is how many files are packed at once. While one is digested
// another one is sent; more would only share the same processors and network.
const parallelLayers = 4

// layers stores all files. When one fails the others end. What is printed is in
// the order of the files, not in that in which they are done.
func (p *packer) layers(ctx context.Context, files []file) ([]ocispec.Descriptor, error) {
	layers, lines := make([]ocispec.Descriptor, len(files)), make([]string, len(files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelLayers)
	for i, f := range files {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			var err error
			layers[i], lines[i], err = p.layer(ctx, f)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, line := range lines {
		fmt.Fprintln(p.out.Stdout(), line)
	}
	return layers, nil
}
