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
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"filippo.io/age"
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
	ways, err := waysToPack(server.Listener.Addr().String())
	if err != nil {
		return err
	}
	for _, p := range ways {
		contenders = append(contenders, contender{p.name, func() (sample, error) { return b.packOnce(dir, p) }})
	}
	contenders = append(contenders, b.oras(dir, server.Listener.Addr().String())...)
	got, err := b.interleave(contenders)
	if err != nil {
		return err
	}
	return b.printPack(contenders, got)
}

// waysToPack are to a layout and to a registry, in clear and encrypted.
func waysToPack(host string) ([]packed, error) {
	reader, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make an identity: %w", err)
	}
	layout := `layout = "layout"`
	registry := "registry {\n      repository = \"" + host + "/models/NUMBER\"\n      plain_http = true\n    }"
	sealed := "\n    encrypt { recipients = [\"" + reader.Recipient().String() + "\"] }"
	return []packed{
		{"layout", layout}, {"layout, encrypted", layout + sealed},
		{"registry", registry}, {"registry, encrypted", registry + sealed},
	}, nil
}

// oras pushes the same file with the client of that name, which digests it, and
// then sends it. It is measured where it is installed.
func (b *bench) oras(dir, host string) []contender {
	program, err := exec.LookPath("oras")
	if err != nil {
		fmt.Println("\nThere is no oras in PATH to compare with: go install oras.land/oras/cmd/oras@latest")
		return nil
	}
	push := func(args ...string) func() (sample, error) {
		return func() (sample, error) {
			b.packNumber++
			defer func() { _ = os.RemoveAll(filepath.Join(dir, "oras")) }()
			args := append([]string{"push", "--no-tty"}, args...)
			args[len(args)-1] = strings.ReplaceAll(args[len(args)-1], "NUMBER", strconv.Itoa(b.packNumber))
			return b.timed(dir, program, append(args, "model.safetensors:application/octet-stream")...)
		}
	}
	return []contender{
		{"oras push, layout", push("--oci-layout", "oras:NUMBER")},
		{"oras push, registry", push("--plain-http", host+"/oras/NUMBER:1")},
	}
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
