package modelpack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/content"
	"github.com/stagegate/stagegate/plugins/build/encryption"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/sbom"
	"golang.org/x/sync/errgroup"
)

// parallelLayers is how many files are packed at once. While one is digested
// another one is sent; more would only share the same processors and network.
const parallelLayers = 4

// layers stores all files. When one fails the others end. What is printed is in
// the order of the files, not in that in which they are done.
func (p *packer) layers(ctx context.Context, files []file) ([]layer, error) {
	layers := make([]layer, len(files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelLayers)
	for i, f := range files {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			var err error
			layers[i], err = p.layer(ctx, f)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, l := range layers {
		fmt.Fprintln(p.out.Stdout(), l.line)
	}
	return layers, nil
}

// examine inspects all files before the first is stored: the last of a hundred
// shards may be the one that is refused.
func (p *packer) examine(ctx context.Context, files []file) error {
	for _, f := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c, err := f.open(ctx)
		if err != nil {
			return explain(err, "file_missing", "a file cannot be packed")
		}
		_, _, err = p.inspect(f, c)
		if err := errors.Join(err, c.Close()); err != nil {
			return err
		}
	}
	return p.indexes(ctx, files)
}

// inspect says what a file is for, and whether that is known for certain.
func (p *packer) inspect(f file, c *content.Content) (k kind, certain bool, err error) {
	k, declared := classify(f.name, p.rules)
	if k == "" {
		return k, false, refuse("kind_unknown", f.from+" is of an unknown kind",
			fmt.Sprintf("Its name does not tell what it is for. Say so: kinds = { %q = \"weight\" }, or config, doc, code, dataset.", f.name), nil)
	}
	verified, err := p.found.inspect(f, k, c)
	return k, verified || declared, err
}

// layer is a stored file.
type layer struct {
	desc  ocispec.Descriptor
	plain digest.Digest // of the file itself
	line  string        // for the log
	item  sbom.File     // in the bill of materials
}

// layer stores one file. It is inspected again, because only now it is certain
// that what is inspected is what is stored.
func (p *packer) layer(ctx context.Context, f file) (l layer, err error) {
	c, err := f.open(ctx)
	if err != nil {
		return l, explain(err, "file_missing", "a file cannot be packed")
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	k, certain, err := p.inspect(f, c)
	if err != nil {
		return l, err
	}
	src, envelope, err := p.sealer.source(ctx, f, k, c)
	if err != nil {
		return l, err
	}
	if l.desc, err = p.to.Blob(ctx, src); err != nil {
		return l, err
	}
	l.plain = l.desc.Digest
	l.line = fmt.Sprintf("%s  %s  %d bytes  %s", l.desc.Digest, k, l.desc.Size, f.name)
	if l.desc, err = describe(l.desc, f, k, c, certain); err != nil {
		return l, err
	}
	l.item = sbom.File{Name: f.name, Digest: l.plain.String(), Size: c.Size, Kind: string(k), MediaType: k.mediaType()}
	if envelope != nil {
		err = p.encrypted(&l, f, k, c, envelope)
	}
	if err != nil {
		return l, err
	}
	return l, p.signer.Add(ctx, f.name, l.plain.String(), c, c.Size)
}

// encrypted adds to a layer what it is once it is open.
func (p *packer) encrypted(l *layer, f file, k kind, c *content.Content, envelope *encryption.Envelope) (err error) {
	if l.plain, err = envelope.Plain(); err != nil {
		return err
	}
	if c.Digest != "" && c.Digest != l.plain {
		return &oci.ChangedError{Name: f.from, Want: c.Digest, Got: l.plain}
	}
	l.line += "  encrypted, of " + l.plain.String()
	l.item.Digest, l.item.Encrypted = l.plain.String(), l.desc.Digest.String()
	l.desc.MediaType = oci.MediaTypeEncrypted
	maps.Copy(l.desc.Annotations, p.sealer.notes(k, l.plain))
	return nil
}

func descriptors(layers []layer) []ocispec.Descriptor {
	out := make([]ocispec.Descriptor, len(layers))
	for i, l := range layers {
		out[i] = l.desc
	}
	return out
}

// indexes checks the shard indexes, now that all shards are known.
func (p *packer) indexes(ctx context.Context, files []file) error {
	for _, f := range files {
		if !strings.HasSuffix(f.name, indexSuffix) {
			continue
		}
		c, err := f.open(ctx)
		if err != nil {
			return explain(err, "file_missing", "a file cannot be packed")
		}
		if err := errors.Join(p.found.checkIndex(f, c), c.Close()); err != nil {
			return err
		}
	}
	return nil
}
