package oci

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Manifest is what an OCI manifest is made of once its layers are stored.
type Manifest struct {
	ArtifactType string
	ConfigType   string // media type
	Config       []byte
	Layers       []ocispec.Descriptor
	Annotations  map[string]string
}

func (m Manifest) encode(config ocispec.Descriptor) ([]byte, error) {
	config.MediaType = m.ConfigType
	raw, err := json.Marshal(ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: m.ArtifactType,
		Config:       config,
		Layers:       m.Layers,
		Annotations:  m.Annotations,
	})
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return raw, nil
}
