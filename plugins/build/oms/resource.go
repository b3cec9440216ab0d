package oms

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// Method says what of a model has a digest of its own.
type Method string

// The methods.
const (
	Files  Method = "files"
	Shards Method = "shards" // pieces of files, so that a reader can check them in parallel
)

// ShardSize is the size of a shard unless a signature says another.
const ShardSize = 1_000_000_000

// Resource is a file, or a shard of one.
type Resource struct {
	Name      string `json:"name"`   // a shard's ends with :<start>:<end>
	Digest    string `json:"digest"` // hexadecimal
	Algorithm string `json:"algorithm"`
}

// File is the resource of a whole file; digest is "sha256:<hex>".
func File(name, digest string) Resource {
	return Resource{Name: name, Digest: strings.TrimPrefix(digest, "sha256:"), Algorithm: "sha256"}
}

// ShardsOf digests the shards of a file, none of them when it is empty: that is
// how the reference implementation has it.
func ShardsOf(ctx context.Context, name string, content io.ReaderAt, size, shard int64) ([]Resource, error) {
	if shard <= 0 {
		return nil, errors.New("a shard has at least one byte")
	}
	var out []Resource
	for start := int64(0); start < size; start += shard {
		end := min(start+shard, size)
		sum := sha256.New()
		n, err := io.Copy(sum, &stoppable{ctx: ctx, r: io.NewSectionReader(content, start, end-start)})
		if err == nil && n != end-start {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, fmt.Errorf("digest shards of %s: %w", name, err)
		}
		out = append(out, Resource{
			Name:   name + ":" + strconv.FormatInt(start, 10) + ":" + strconv.FormatInt(end, 10),
			Digest: hex.EncodeToString(sum.Sum(nil)), Algorithm: shardAlgorithm(shard),
		})
	}
	return out, nil
}

// shardAlgorithm is how the reference implementation names the digest of a
// shard.
func shardAlgorithm(shard int64) string { return "sha256-sharded-" + strconv.FormatInt(shard, 10) }

// stoppable ends reading when its context ends.
type stoppable struct {
	ctx context.Context // of the one call that owns it
	r   io.Reader
}

// Read implements io.Reader.
func (s *stoppable) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.r.Read(p)
}

// checkName refuses what is no relative path of a file, or shard of one.
func checkName(method Method, name string) error {
	file := name
	if method == Shards {
		parts := strings.Split(name, ":")
		if len(parts) != 3 {
			return fmt.Errorf("%.200q is not <path>:<start>:<end>", name)
		}
		start, err := strconv.ParseInt(parts[1], 10, 64)
		end, err2 := strconv.ParseInt(parts[2], 10, 64)
		if err := errors.Join(err, err2); err != nil || start < 0 || end <= start {
			return fmt.Errorf("%.200q has no range of bytes", name)
		}
		file = parts[0]
	}
	if file == "" || file == "." || path.IsAbs(file) || path.Clean(file) != file || file == ".." || strings.HasPrefix(file, "../") || strings.ContainsRune(file, 0) {
		return fmt.Errorf("%.200q is not a relative path of a file", file)
	}
	return nil
}
