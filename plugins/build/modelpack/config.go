package modelpack

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	spec "github.com/modelpack/model-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	"github.com/stagegate/stagegate/sdk"
)

// configOf is the specification's config: what the user says, and where the
// user is silent what the weights show.
func configOf(config sdk.Config, found *findings, layers []layer) ([]byte, error) {
	m := spec.Model{
		Descriptor: spec.ModelDescriptor{
			Name: config.String("name"), Version: config.String("version"), Family: config.String("family"),
			Title: config.String("title"), Description: config.String("description"), Vendor: config.String("vendor"),
			Authors: config.Strings("authors"), Licenses: config.Strings("licenses"),
			DocURL: config.String("doc_url"), SourceURL: config.String("source_url"), Revision: config.String("revision"),
		},
		Config: spec.ModelConfig{
			Architecture: config.String("architecture"), Format: config.String("format"),
			ParamSize: config.String("param_size"), Precision: config.String("precision"),
			Quantization: config.String("quantization"),
		},
		ModelFS: spec.ModelFS{Type: "layers", DiffIDs: make([]digest.Digest, len(layers))},
	}
	for i, l := range layers {
		m.ModelFS.DiffIDs[i] = l.plain
	}
	if created := config.String("created_at"); created != "" {
		t, err := time.Parse(time.RFC3339, created)
		if err != nil {
			return nil, fmt.Errorf("created_at: %w", err)
		}
		t = t.UTC()
		m.Descriptor.CreatedAt = &t
	}
	if err := found.complete(&m.Config); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode config: %w", err)
	}
	return raw, nil
}

// complete fills in what the weights show, and refuses a format that they
// contradict.
func (fs *findings) complete(c *spec.ModelConfig) error {
	format := fs.format()
	if c.Format == "" && format != formatUnknown && format != formatMixed {
		c.Format = format
	}
	if format == formatSafetensors && c.Format != format || c.Format == formatSafetensors && format != formatSafetensors {
		return refuse("format_mismatch", "the weights are not in the format that is declared", "Leave `format` out, or correct it.",
			fmt.Errorf("format = %q, the weights are %q", c.Format, format))
	}
	if format != formatSafetensors {
		return nil
	}
	parameters := uint64(0)
	precisions := make(map[string]bool)
	for _, shard := range fs.shards {
		parameters += shard.Parameters
		for dtype := range shard.Elements {
			precisions[precisionOf(dtype)] = true
		}
	}
	if c.ParamSize == "" {
		c.ParamSize = paramSize(parameters)
	}
	if c.Precision == "" {
		c.Precision = strings.Join(slices.Sorted(maps.Keys(precisions)), ",")
	}
	return nil
}

// paramSize is a count in the specification's notation; empty below a thousand,
// for which it has none.
func paramSize(count uint64) string {
	for _, unit := range []struct {
		size   float64
		letter string
	}{{1e15, "q"}, {1e12, "t"}, {1e9, "b"}, {1e6, "m"}, {1e3, "k"}} {
		if n := float64(count) / unit.size; n >= 1 {
			n = math.Round(n*10) / 10
			return strings.TrimSuffix(fmt.Sprintf("%.1f", n), ".0") + unit.letter
		}
	}
	return ""
}

// precisionOf is the specification's word for a dtype of safetensors.
func precisionOf(dtype string) string {
	switch dtype {
	case "F64", "F32", "F16":
		return "float" + dtype[1:]
	case "BF16":
		return "bfloat16"
	case "F8_E4M3", "F8_E5M2":
		return "float8" + strings.ToLower(dtype[2:])
	case "C64":
		return "complex64"
	case "BOOL":
		return "bool"
	case "I8", "I16", "I32", "I64":
		return "int" + dtype[1:]
	case "U8", "U16", "U32", "U64":
		return "uint" + dtype[1:]
	}
	return strings.ToLower(dtype)
}
