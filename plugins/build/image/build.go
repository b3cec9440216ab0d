package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/signing"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
)

// Build packs the image. Nothing refers to what it has stored until all of it
// is there: the manifest comes last.
func (Builder) Build(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	tree, err := workspace.Open(req.Attempt.WorkDir)
	if err != nil {
		return nil, err
	}
	outputs, err := build(ctx, tree, req, out)
	return outputs, errors.Join(err, tree.Close())
}

func build(ctx context.Context, tree *workspace.Tree, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	config := req.Config
	signer, err := signing.Open(ctx, config)
	if err != nil {
		return nil, err
	}
	entries, err := gather(ctx, tree, req)
	if err != nil {
		return nil, err
	}
	entrypoint := config.Strings("entrypoint")
	if len(entrypoint) == 0 {
		return nil, refuse("bad_configuration", "there is no entrypoint", "", nil)
	}
	platform, err := platformOf(ctx, entries, entrypoint[0], config.String("platform"))
	if err != nil {
		return nil, err
	}
	tag := ""
	if v := config.String("version"); oci.ValidTag(v) {
		tag = v
	}
	progress := func(task string, current, total int64) { out.Progress(task, current, total, "bytes") }
	to, err := oci.OpenDestination(tree, config, config.String("name"), tag, progress)
	if err != nil {
		return nil, refuse("destination_unusable", "the image cannot be stored", "", err)
	}
	outputs, err := publish(ctx, to, signer, config, platform, entries, out)
	return outputs, errors.Join(err, to.Close())
}

func publish(ctx context.Context, to *oci.Destination, signer *signing.Signer, config sdk.Config, platform string, entries []entry, out *sdk.Emitter) (sdk.Outputs, error) {
	layer, err := to.Blob(ctx, layerSource(entries))
	if err != nil {
		return nil, err
	}
	layer.MediaType = ocispec.MediaTypeImageLayer
	raw, err := configOf(config, platform, layer.Digest)
	if err != nil {
		return nil, err
	}
	composed, err := to.Compose(ctx, oci.Manifest{
		ConfigType: ocispec.MediaTypeImageConfig, Config: raw, Layers: []ocispec.Descriptor{layer},
	})
	if err != nil {
		return nil, err
	}
	signed, err := signer.Image(ctx, composed.Descriptor)
	if err != nil {
		return nil, err
	}
	if err := to.Publish(ctx, composed); err != nil {
		return nil, err
	}
	if err := signed.Attach(ctx, to); err != nil {
		return nil, err
	}
	notes := map[string]string{sdk.AnnotationEncryption: "absent"}
	signed.Annotate(notes)
	artifact, reference := to.Result(config.String("name"), composed.Descriptor, composed.Size, notes)
	out.Artifact(artifact)
	signed.Emit(out)
	for _, f := range to.Files() {
		out.File(f)
	}
	fmt.Fprintf(out.Stdout(), "%d files for %s\n%s\n", len(entries), platform, reference)
	outputs := oci.Values(artifact, reference)
	signed.Outputs(outputs)
	return outputs, nil
}

// configOf is the image's config.
func configOf(config sdk.Config, platform string, diffID digest.Digest) ([]byte, error) {
	created := time.Unix(0, 0).UTC()
	if s := config.String("created_at"); s != "" {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return nil, fmt.Errorf("created_at: %w", err)
		}
		created = t.UTC()
	}
	system, architecture, _ := strings.Cut(platform, "/")
	image := ocispec.Image{
		Created:  &created,
		Platform: ocispec.Platform{OS: system, Architecture: architecture},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{diffID}},
		Config: ocispec.ImageConfig{
			User: defaultUser, WorkingDir: "/",
			Entrypoint: config.Strings("entrypoint"), Cmd: config.Strings("cmd"),
			Labels: config.StringMap("labels"),
		},
	}
	if user := config.String("user"); user != "" {
		image.Config.User = user
	}
	if dir := config.String("working_dir"); dir != "" {
		image.Config.WorkingDir = dir
	}
	env := config.StringMap("env")
	for _, name := range slices.Sorted(maps.Keys(env)) {
		image.Config.Env = append(image.Config.Env, name+"="+env[name])
	}
	for _, port := range config.Strings("ports") {
		if image.Config.ExposedPorts == nil {
			image.Config.ExposedPorts = make(map[string]struct{})
		}
		if !strings.Contains(port, "/") {
			port += "/tcp"
		}
		image.Config.ExposedPorts[port] = struct{}{}
	}
	raw, err := json.Marshal(image)
	if err != nil {
		return nil, fmt.Errorf("encode config: %w", err)
	}
	return raw, nil
}
