package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
)

// Size is the size of an image in bytes.
func (e *Engine) Size(ctx context.Context, id string) (int64, error) {
	found, err := e.client.ImageInspect(ctx, id)
	if err != nil {
		return 0, ended(ctx, fmt.Errorf("inspect image %s: %w", id, err))
	}
	return found.Size, nil
}

// Image is what the engine has under a name.
type Image struct {
	ID   string
	User string // that its commands run as; empty is root
}

// Image looks at an image; ErrNoImage when the engine does not have it.
func (e *Engine) Image(ctx context.Context, name string) (Image, error) {
	found, err := e.client.ImageInspect(ctx, name)
	switch {
	case err != nil && gone(err):
		return Image{}, ErrNoImage
	case err != nil:
		return Image{}, ended(ctx, fmt.Errorf("inspect image %s: %w", name, said(err)))
	}
	out := Image{ID: found.ID}
	if found.Config != nil {
		out.User = found.Config.User
	}
	return out, nil
}

// ErrNoImage says that the engine does not have an image.
var ErrNoImage = errors.New("the engine does not have the image")

// Pull gets an image from the registry in its name.
func (e *Engine) Pull(ctx context.Context, name string, c Credential, out io.Writer) error {
	auth, err := c.encode()
	if err != nil {
		return err
	}
	stream, err := e.client.ImagePull(ctx, name, image.PullOptions{RegistryAuth: auth})
	if err != nil {
		return ended(ctx, fmt.Errorf("pull %s: %w", name, said(err)))
	}
	err = relay(stream, out, func(json.RawMessage) {})
	return errors.Join(ended(ctx, err), stream.Close())
}

// Tag gives an image a name.
func (e *Engine) Tag(ctx context.Context, id, name string) error {
	if err := e.client.ImageTag(ctx, id, name); err != nil {
		return ended(ctx, fmt.Errorf("tag image %s: %w", name, err))
	}
	return nil
}

// Credential is what a registry wants to see. The zero value is nobody.
type Credential struct {
	Host, Username, Password, IdentityToken, RegistryToken string
}

// encode is the credential as the engine takes it in a header.
func (c Credential) encode() (string, error) {
	auth, err := registry.EncodeAuthConfig(registry.AuthConfig{
		ServerAddress: c.Host, Username: c.Username, Password: c.Password,
		IdentityToken: c.IdentityToken, RegistryToken: c.RegistryToken,
	})
	if err != nil {
		return "", fmt.Errorf("encode credentials: %w", err)
	}
	return auth, nil
}

// Pushed is the manifest that the registry has after a push.
type Pushed struct {
	Digest    string
	MediaType string
	Size      int64
}

// Push sends an image to the registry in its name.
func (e *Engine) Push(ctx context.Context, name string, c Credential, out io.Writer) (Pushed, error) {
	auth, err := c.encode()
	if err != nil {
		return Pushed{}, err
	}
	stream, err := e.client.ImagePush(ctx, name, image.PushOptions{RegistryAuth: auth})
	if err != nil {
		return Pushed{}, ended(ctx, fmt.Errorf("push %s: %w", name, err))
	}
	digest := ""
	err = relay(stream, out, func(aux json.RawMessage) {
		var result types.PushResult
		if json.Unmarshal(aux, &result) == nil && result.Digest != "" {
			digest = result.Digest
		}
	})
	if err := errors.Join(ended(ctx, err), stream.Close()); err != nil {
		return Pushed{}, err
	}
	if digest == "" {
		return Pushed{}, errors.New("the engine ended the push without a digest")
	}
	// What the registry serves now is what counts, not what was sent to it.
	found, err := e.client.DistributionInspect(ctx, name, auth)
	if err != nil {
		return Pushed{}, ended(ctx, fmt.Errorf("look at %s in the registry: %w", name, err))
	}
	if found.Descriptor.Digest.String() != digest {
		return Pushed{}, fmt.Errorf("the registry has %s under %s, where %s was pushed", found.Descriptor.Digest, name, digest)
	}
	return Pushed{Digest: digest, MediaType: found.Descriptor.MediaType, Size: found.Descriptor.Size}, nil
}

// RequiresTLS reports whether the engine's configuration makes it refuse a
// registry without TLS and a verified certificate. Such an engine accepts TLS
// 1.2 and newer.
func (e *Engine) RequiresTLS(ctx context.Context, host string) (bool, error) {
	info, err := e.client.Info(ctx)
	if err != nil {
		return false, ended(ctx, fmt.Errorf("ask the engine for its configuration: %w", err))
	}
	if info.RegistryConfig == nil {
		return false, nil
	}
	if index, ok := info.RegistryConfig.IndexConfigs[host]; ok {
		return index.Secure, nil
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	// An address that cannot be looked up here leaves it open.
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	return err == nil && !anyWithin(addresses, info.RegistryConfig.InsecureRegistryCIDRs), nil
}

// anyWithin reports whether one of the addresses is in one of the ranges.
func anyWithin(addresses []netip.Addr, ranges []*registry.NetIPNet) bool {
	for _, r := range ranges {
		for _, a := range addresses {
			if (*net.IPNet)(r).Contains(a.Unmap().AsSlice()) {
				return true
			}
		}
	}
	return false
}
