package modelpack

import (
	"fmt"
	"path"
	"slices"
	"strings"

	spec "github.com/modelpack/model-spec/specs-go/v1"
)

// kind is what a file is for.
type kind string

const (
	kindWeight  kind = "weight"
	kindConfig  kind = "config"
	kindDoc     kind = "doc"
	kindCode    kind = "code"
	kindDataset kind = "dataset"
)

func (k kind) mediaType() string {
	switch k {
	case kindWeight:
		return spec.MediaTypeModelWeightRaw
	case kindConfig:
		return spec.MediaTypeModelWeightConfigRaw
	case kindDoc:
		return spec.MediaTypeModelDocRaw
	case kindCode:
		return spec.MediaTypeModelCodeRaw
	case kindDataset:
		return spec.MediaTypeModelDatasetRaw
	}
	return ""
}

// kindOf goes by the name alone; empty when that does not tell.
func kindOf(name string) kind {
	base := strings.ToLower(path.Base(name))
	stem, _, _ := strings.Cut(base, ".")
	switch stem {
	case "readme", "license", "licence", "notice", "changelog", "copying", "authors", "citation":
		return kindDoc
	case "dockerfile", "makefile":
		return kindCode
	}
	switch base {
	case "tokenizer.model", "vocab.txt", "merges.txt":
		return kindConfig
	}
	switch strings.TrimPrefix(path.Ext(base), ".") {
	case "safetensors", "gguf", "onnx", "bin", "pt", "pth", "ckpt", "h5", "keras", "pb", "tflite", "msgpack", "npz", "engine":
		return kindWeight
	case "json", "yaml", "yml", "toml", "txt", "tiktoken", "jinja", "model", "ini", "cfg":
		return kindConfig
	case "md", "rst", "adoc", "pdf", "html", "png", "jpg", "jpeg", "svg":
		return kindDoc
	case "py", "ipynb", "go", "sh", "rs", "c", "h", "cc", "cpp", "cu", "js", "ts", "java", "jl", "r":
		return kindCode
	case "csv", "tsv", "parquet", "arrow", "feather", "jsonl", "tfrecord", "npy":
		return kindDataset
	}
	return ""
}

// kindRule is one entry of the argument `kinds`.
type kindRule struct {
	pattern string
	kind    kind
}

// kindRules are sorted by pattern; the longest that matches wins.
func kindRules(given map[string]string) ([]kindRule, error) {
	rules := make([]kindRule, 0, len(given))
	for pattern, k := range given {
		if kind(k).mediaType() == "" {
			return nil, fmt.Errorf("%q is not a kind: weight, config, doc, code or dataset", k)
		}
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		rules = append(rules, kindRule{pattern, kind(k)})
	}
	slices.SortFunc(rules, func(a, b kindRule) int {
		if d := len(b.pattern) - len(a.pattern); d != 0 {
			return d
		}
		return strings.Compare(a.pattern, b.pattern)
	})
	return rules, nil
}

// classify is the kind of a file, and whether the user said so.
func classify(name string, rules []kindRule) (k kind, declared bool) {
	for _, rule := range rules {
		for _, subject := range []string{name, path.Base(name)} {
			if ok, err := path.Match(rule.pattern, subject); ok && err == nil {
				return rule.kind, true
			}
		}
	}
	return kindOf(name), false
}
