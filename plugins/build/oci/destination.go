package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
)

// maxCA bounds a file of certificates.
const maxCA = 1 << 20

// Destination is where the configuration of a stage wants the result: an OCI
// layout, a registry, or both.
type Destination struct {
	Targets
	folder   *workspace.Tree // of the layout, if there is one
	name     string          // of that folder in the work folder
	layout   *Layout         // in it
	registry *Registry       // if there is one
}

// OpenDestination reads the arguments of Arguments and RegistryBlock. Without
// either, the result goes to the layout dist/<name>. The caller closes it.
func OpenDestination(tree *workspace.Tree, config sdk.Config, name, tag string, progress Progress) (*Destination, error) {
	d := &Destination{}
	block, push := config.Block("registry")
	if config.Set("layout") || !push {
		folder := config.String("layout")
		if folder == "" {
			folder = DefaultLayout(name)
		}
		if err := d.openLayout(tree, folder, tag, progress); err != nil {
			return nil, err
		}
	}
	if push {
		if err := d.openRegistry(tree, block, tag, progress); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

// DefaultLayout is where a package of that name goes when nothing is said.
func DefaultLayout(name string) string { return "dist/" + filepath.Base(name) }

// Close releases the layout's folder.
func (d *Destination) Close() error {
	if d.folder == nil {
		return nil
	}
	return d.folder.Close()
}

func (d *Destination) openLayout(tree *workspace.Tree, folder, tag string, progress Progress) error {
	sub, err := tree.MakeFolder(folder)
	if err != nil {
		return fmt.Errorf("layout: %w", err)
	}
	layout, err := OpenLayout(sub.Root(), tag, progress)
	if err != nil {
		return errors.Join(fmt.Errorf("layout %q: %w", folder, err), sub.Close())
	}
	if d.name, err = tree.Clean(folder); err != nil {
		return errors.Join(fmt.Errorf("layout: %w", err), sub.Close())
	}
	d.folder, d.layout, d.Targets = sub, layout, append(d.Targets, layout)
	return nil
}

// Files are what the result consists of in the work folder. The index is
// shared: other stages may enter their packages in it.
func (d *Destination) Files() []sdk.ResultFile {
	if d.layout == nil {
		return nil
	}
	files := []sdk.ResultFile{
		{Path: path.Join(d.name, ocispec.ImageLayoutFile)},
		{Path: path.Join(d.name, ocispec.ImageIndexFile), Shared: true},
	}
	for _, name := range d.layout.Stored() {
		files = append(files, sdk.ResultFile{Path: path.Join(d.name, name)})
	}
	return files
}

func (d *Destination) openRegistry(tree *workspace.Tree, block sdk.Config, tag string, progress Progress) error {
	opts, err := registryOptions(tree, block, tag, progress)
	if err != nil {
		return err
	}
	if d.registry, err = NewRegistry(opts); err != nil {
		return err
	}
	d.Targets = append(d.Targets, d.registry)
	return nil
}

// ConfiguredRegistry is the registry of a configuration with RegistryBlock, by
// digest alone.
func ConfiguredRegistry(tree *workspace.Tree, config sdk.Config) (*Registry, error) {
	block, ok := config.Block("registry")
	if !ok {
		return nil, errors.New("there is no block registry")
	}
	opts, err := registryOptions(tree, block, "", nil)
	if err != nil {
		return nil, err
	}
	opts.Tag = ""
	return NewRegistry(opts)
}

// Name is <registry>/<repository>.
func (r *Registry) Name() string { return r.opts.Host + "/" + r.opts.Repository }

func registryOptions(tree *workspace.Tree, block sdk.Config, tag string, progress Progress) (RegistryOptions, error) {
	host, repository, err := SplitRepository(block.String("repository"))
	if err != nil {
		return RegistryOptions{}, err
	}
	opts := RegistryOptions{
		Host: host, Repository: repository, Tag: tag,
		PlainHTTP: block.Bool("plain_http"), MountFrom: block.Strings("mount_from"), Progress: progress,
	}
	if t := block.String("tag"); t != "" {
		opts.Tag = t
	}
	if file := block.String("ca_file"); file != "" {
		if opts.CA, err = readCA(tree, file); err != nil {
			return RegistryOptions{}, fmt.Errorf("ca_file: %w", err)
		}
	}
	return opts, nil
}

// readCA reads certificates. They may lie outside of the work folder, where a
// machine keeps its authorities; nothing but certificates is ever taken from
// such a file.
func readCA(tree *workspace.Tree, name string) ([]byte, error) {
	var f *os.File
	var err error
	if filepath.IsAbs(name) {
		f, err = os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	} else {
		f, _, err = tree.File(name)
	}
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxCA+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(content) > maxCA {
		return nil, fmt.Errorf("%q has more than %d bytes", name, maxCA)
	}
	return content, nil
}

// Result is a stored manifest as an artifact and as the outputs that every
// component with a destination has.
func (d *Destination) Result(name string, desc ocispec.Descriptor, size int64, notes map[string]string) (sdk.Artifact, string) {
	a := sdk.Artifact{
		Name: name, Digest: desc.Digest.String(), MediaType: desc.MediaType, Size: size,
		Annotations: notes,
	}
	if d.registry == nil {
		a.Location = "oci-layout:" + d.folder.Path() + "@" + a.Digest
		return a, a.Location
	}
	for k, v := range d.registry.Facts() {
		a.Annotations[k] = v
	}
	reference := d.registry.Name()
	a.Location = "oci://" + reference + "@" + a.Digest
	return a, reference + "@" + a.Digest
}

// Composed is a manifest that is not stored yet, though all that it mentions is.
type Composed struct {
	Descriptor ocispec.Descriptor
	Size       int64 // of manifest, config and layers

	raw []byte
}

// Compose stores a config, and says what the manifest that mentions it will be.
func (d *Destination) Compose(ctx context.Context, manifest Manifest) (Composed, error) {
	config, err := d.Blob(ctx, Bytes("config", manifest.Config))
	if err != nil {
		return Composed{}, err
	}
	raw, err := manifest.encode(config)
	if err != nil {
		return Composed{}, err
	}
	c := Composed{raw: raw, Descriptor: ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(raw), Size: int64(len(raw)),
	}}
	c.Size = c.Descriptor.Size + config.Size
	for _, layer := range manifest.Layers {
		c.Size += layer.Size
	}
	return c, nil
}

// Publish stores the manifest. From here on others can find the package.
func (d *Destination) Publish(ctx context.Context, c Composed) error {
	_, err := d.Manifest(ctx, c.Descriptor.MediaType, c.raw)
	return err
}
