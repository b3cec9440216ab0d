package oms

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/stagegate/stagegate/plugins/build/bundle"
)

// PredicateType is that of a model signature, version 1.0.
const PredicateType = "https://model_signing/signature/v1.0"

// maxResources bounds what a signature may list.
const maxResources = 1 << 20

// Model is what a signature is over.
type Model struct {
	Name      string // informative
	Method    Method
	ShardSize int64 // for Shards
	Resources []Resource
	// Ignored are paths that the signature says nothing about.
	Ignored []string
}

type predicate struct {
	Serialization serialization `json:"serialization"`
	Resources     []Resource    `json:"resources"`
}

type serialization struct {
	Method        Method       `json:"method"`
	HashType      string       `json:"hash_type"`
	ShardSize     *json.Number `json:"shard_size,omitempty"`
	AllowSymlinks bool         `json:"allow_symlinks"`
	IgnorePaths   []string     `json:"ignore_paths,omitempty"`
}

// Sign makes the signature of a model: a sigstore bundle.
func Sign(ctx context.Context, signer bundle.Signer, m Model) (bundle.Bundle, error) {
	statement, err := m.statement()
	if err != nil {
		return bundle.Bundle{}, fmt.Errorf("sign model: %w", err)
	}
	return signer.Sign(ctx, statement, bundle.PublicKey.ModelHint)
}

// statement is what is signed. Resources are sorted by name.
func (m Model) statement() ([]byte, error) {
	resources := slices.Clone(m.Resources)
	slices.SortFunc(resources, func(a, b Resource) int { return cmp.Compare(a.Name, b.Name) })
	m.Resources = resources
	if err := m.check(); err != nil {
		return nil, err
	}
	root, err := m.root()
	if err != nil {
		return nil, err
	}
	s := serialization{Method: m.Method, HashType: "sha256", IgnorePaths: m.Ignored}
	if m.Method == Shards {
		size := json.Number(fmt.Sprint(m.ShardSize))
		s.ShardSize = &size
	}
	raw, err := json.Marshal(predicate{Serialization: s, Resources: m.Resources})
	if err != nil {
		return nil, fmt.Errorf("encode predicate: %w", err)
	}
	return bundle.Statement{
		Subject:       []bundle.Subject{{Name: m.Name, Digest: map[string]string{"sha256": root}}},
		PredicateType: PredicateType, Predicate: raw,
	}.Encode()
}

// Parse reads a statement whose signature has been verified, and checks that it
// agrees with itself.
func Parse(statement []byte) (Model, error) {
	s, err := bundle.ParseStatement(statement)
	if err != nil {
		return Model{}, err
	}
	if s.PredicateType != PredicateType {
		return Model{}, fmt.Errorf("read model signature: the predicate is of type %.80q, not %s", s.PredicateType, PredicateType)
	}
	if len(s.Subject) != 1 {
		return Model{}, fmt.Errorf("read model signature: it has %d subjects, not one", len(s.Subject))
	}
	var p predicate
	if err := json.Unmarshal(s.Predicate, &p); err != nil {
		return Model{}, fmt.Errorf("read model signature: %w", err)
	}
	m := Model{Name: s.Subject[0].Name, Method: p.Serialization.Method, Resources: p.Resources, Ignored: p.Serialization.IgnorePaths}
	if n := p.Serialization.ShardSize; n != nil && m.Method == Shards {
		size, err := n.Float64() // the reference implementation writes 1000000000.0
		if err != nil || size < 1 || size != float64(int64(size)) {
			return Model{}, fmt.Errorf("read model signature: %.40q is not the size of a shard", n.String())
		}
		m.ShardSize = int64(size)
	}
	if err := m.check(); err != nil {
		return Model{}, fmt.Errorf("read model signature: %w", err)
	}
	root, err := m.root()
	if err != nil {
		return Model{}, fmt.Errorf("read model signature: %w", err)
	}
	if want := s.Subject[0].Digest["sha256"]; want != root {
		return Model{}, fmt.Errorf("read model signature: the root digest is %.64q, and the resources come to %s", want, root)
	}
	return m, nil
}

// check refuses what has two meanings, and digests that are not known here.
func (m Model) check() error {
	algorithm := "sha256"
	switch m.Method {
	case Files:
	case Shards:
		if m.ShardSize <= 0 {
			return errors.New("it has shards of no size")
		}
		algorithm = shardAlgorithm(m.ShardSize)
	default:
		return fmt.Errorf("the method %.40q is not files or shards", string(m.Method))
	}
	switch n := len(m.Resources); {
	case n == 0:
		return errors.New("it lists nothing")
	case n > maxResources:
		return fmt.Errorf("it lists %d resources, more than %d", n, maxResources)
	}
	seen := make(map[string]bool, len(m.Resources))
	for _, r := range m.Resources {
		if err := checkName(m.Method, r.Name); err != nil {
			return err
		}
		if seen[r.Name] {
			return fmt.Errorf("%.200q is listed twice", r.Name)
		}
		seen[r.Name] = true
		if r.Algorithm != algorithm && r.Algorithm != "sha256" {
			return fmt.Errorf("%.200q has a digest by %.40q; only SHA-256 is known here", r.Name, r.Algorithm)
		}
	}
	return nil
}

// root is the SHA-256 of the raw digests, in the order of the list.
func (m Model) root() (string, error) {
	sum := sha256.New()
	for _, r := range m.Resources {
		raw, err := hex.DecodeString(r.Digest)
		if err != nil || len(raw) != sha256.Size {
			return "", fmt.Errorf("%.200q has no SHA-256 digest", r.Name)
		}
		_, _ = sum.Write(raw) // a hash never fails
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
