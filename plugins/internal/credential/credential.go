// Package credential finds what the Docker configuration has for a registry.
package credential

import (
	"context"
	"fmt"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// Find is what the Docker configuration and its helpers have for a registry;
// empty when they have nothing.
func Find(ctx context.Context, host string) (auth.Credential, error) {
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return auth.EmptyCredential, fmt.Errorf("read docker configuration: %w", err)
	}
	found, err := credentials.Credential(store)(ctx, host)
	if err != nil {
		return auth.EmptyCredential, fmt.Errorf("find credentials for %s: %w", host, err)
	}
	return found, nil
}
