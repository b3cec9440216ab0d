package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stagegate/stagegate/plugins/build/oci/loopback"
)

// packed is one way to pack the same weights.
type packed struct {
	name string
	with string // arguments of build.model
}

// pack measures how fast weights become a package, in an OCI layout and in a
// registry on loopback, beside a program that reads and digests the same file.
func (b *bench) pack() error {
	dir := filepath.Join(b.work, "pack")
	file := filepath.Join(dir, "model.safetensors")
	if err := errors.Join(os.MkdirAll(dir, 0o700), randomWeights(file, b.packSize)); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	server := httptest.NewServer(loopback.New(loopback.Options{Folder: filepath.Join(b.work, "registry"), Discard: true}))
	defer server.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	contenders := []contender{
		{"read and sha256", func() (sample, error) { return b.timed(dir, self, "-digest", file) }},
		{"read, sha256, write", func() (sample, error) {
			defer func() { _ = os.Remove(filepath.Join(dir, "copy")) }()
			return b.timed(dir, self, "-digest", file, "-to", filepath.Join(dir, "copy"))
		}},
	}
	host := server.Listener.Addr().String()
	for _, p := range []packed{
		{"layout", `layout = "layout"`},
		{"registry", "registry {\n      repository = \"" + host + "/models/NUMBER\"\n      plain_http = true\n    }"},
	} {
		contenders = append(contenders, contender{p.name, func() (sample, error) { return b.packOnce(dir, p) }})
	}
	got, err := b.interleave(contenders)
	if err != nil {
		return err
	}
	return b.printPack(contenders, got)
}

// packOnce runs a pipeline with one stage. Each push goes to a repository of
// its own.
func (b *bench) packOnce(dir string, p packed) (sample, error) {
	b.packNumber++
	source := fmt.Sprintf("pipeline \"pack\" {}\nstage \"model\" {\n  uses  = \"build.model\"\n  cache = false\n  with {\n    name = \"model\"\n    files = [\"model.safetensors\"]\n    %s\n  }\n}\n",
		strings.ReplaceAll(p.with, "NUMBER", strconv.Itoa(b.packNumber)))
	if err := write(dir, "pipeline.hcl", source); err != nil {
		return sample{}, err
	}
	defer func() { _ = os.RemoveAll(filepath.Join(dir, "layout")) }()
	return b.timed(dir, b.runner, "run", "--format", "plain", ".")
}

func (b *bench) printPack(contenders []contender, got map[string]sample) error {
	limit := got[contenders[0].name].wall
	fmt.Printf("\nPacking %.1f GB of weights; the memory is that of the largest process\n", float64(b.packSize)/1e9)
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "way\ttime\tspeed\tto read and sha256\tmemory\t")
	for _, c := range contenders {
		s := got[c.name]
		fmt.Fprintf(t, "%s\t%s\t%.2f GB/s\t%.2f\t%.0f MB\t\n", c.name, s.wall.Round(time.Millisecond),
			float64(b.packSize)/s.wall.Seconds()/1e9, limit.Seconds()/s.wall.Seconds(), float64(s.rss)/1e6)
	}
	return t.Flush()
}

// randomWeights writes a valid safetensors file of about size bytes.
func randomWeights(name string, size int64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	header := fmt.Sprintf(`{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}`, size, size)
	w := bufio.NewWriterSize(f, 1<<20)
	var seed [32]byte
	_, err = io.Copy(w, io.MultiReader(
		bytes.NewReader(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))), strings.NewReader(header),
		io.LimitReader(rand.NewChaCha8(seed), size)))
	return errors.Join(err, w.Flush(), f.Sync(), f.Close())
}

// digestFile is the least that packing can do: read a file once and digest it,
// and write it somewhere when that is asked for.
func digestFile(name, to string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	sum := sha256.New()
	var w io.Writer = sum
	if to != "" {
		out, err := os.Create(to)
		if err != nil {
			return err
		}
		defer func() { _ = out.Close() }()
		w = io.MultiWriter(sum, out)
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{f}, make([]byte, 1<<20))
	return errors.Join(err, f.Close())
}
