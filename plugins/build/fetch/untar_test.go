package fetch_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	spec "github.com/modelpack/model-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/sdk/plugintest"
)

// archive is a tar file of the entries given.
func archive(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write(bytes.Repeat([]byte("x"), int(h.Size))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(name string, size int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}
}

func compress(t *testing.T, how string, r io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if how == "zstd" {
		z, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpacked(t *testing.T, mediaType string, content []byte) (plugintest.Outcome, string) {
	t.Helper()
	dir := t.TempDir()
	layer := raw("weights", content)
	layer.MediaType = mediaType
	from := pack(t, dir, ocispec.Manifest{Layers: []ocispec.Descriptor{layer}}, content)
	return start(t).Build("fetch", object("from", from, "into", "in"), plugintest.Options{WorkDir: dir}), filepath.Join(dir, "in")
}

func TestArchives(t *testing.T) {
	t.Parallel()
	plain := archive(t, tar.Header{Typeflag: tar.TypeDir, Name: "model/", Mode: 0o755}, file("model/a.bin", 3), file("model/sub/b.bin", 0), file("./c", 1))
	want := map[string]string{"model/a.bin": "xxx", "model/sub/b.bin": "", "c": "x"}
	for mediaType, content := range map[string][]byte{
		spec.MediaTypeModelWeight:     plain,
		spec.MediaTypeModelWeightGzip: compress(t, "gzip", bytes.NewReader(plain)),
		spec.MediaTypeModelWeightZstd: compress(t, "zstd", bytes.NewReader(plain)),
	} {
		got, into := unpacked(t, mediaType, content)
		if !got.Succeeded() {
			t.Fatalf("%s: %s", mediaType, got)
		}
		if diff := cmp.Diff(want, below(t, into)); diff != "" {
			t.Errorf("%s: %s", mediaType, diff)
		}
	}
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	link := func(kind byte, name, to string) tar.Header {
		return tar.Header{Typeflag: kind, Name: name, Linkname: to, Mode: 0o777}
	}
	many := make([]tar.Header, 100_001)
	for i := range many {
		many[i] = tar.Header{Typeflag: tar.TypeDir, Name: fmt.Sprintf("%d/", i), Mode: 0o755}
	}
	sparse := archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "s", Size: 512, Mode: 0o644})
	// An old GNU sparse file: one block stands for a terabyte.
	copy(sparse[156:], "S")
	copy(sparse[257:], "ustar  \x00")
	copy(sparse[386:], "00000000000\x0000000001000\x00")
	copy(sparse[483:], "\x80\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00")
	checksum(sparse)
	for name, tc := range map[string]struct {
		content []byte
		class   string
	}{
		"parent":          {archive(t, file("a", 1), file("../b", 1)), "name_refused"},
		"absolute":        {archive(t, file("/etc/passwd", 1)), "name_refused"},
		"folder outside":  {archive(t, tar.Header{Typeflag: tar.TypeDir, Name: "../out/", Mode: 0o755}), "archive_refused"},
		"link out":        {archive(t, link(tar.TypeSymlink, "l", "/etc"), file("l/passwd", 1)), "archive_refused"},
		"link in":         {archive(t, file("a", 1), link(tar.TypeSymlink, "l", "a")), "archive_refused"},
		"hard link":       {archive(t, link(tar.TypeLink, "l", "../../etc/passwd")), "archive_refused"},
		"device":          {archive(t, tar.Header{Typeflag: tar.TypeBlock, Name: "sda", Mode: 0o666}), "archive_refused"},
		"pipe":            {archive(t, tar.Header{Typeflag: tar.TypeFifo, Name: "p", Mode: 0o666}), "archive_refused"},
		"twice":           {archive(t, file("a", 1), file("A", 1)), "name_refused"},
		"a terabyte":      {sparse, "archive_refused"},
		"cut":             {archive(t, file("a", 3000))[:2000], "archive_refused"},
		"no archive":      {[]byte(strings.Repeat("hello ", 1000)), "archive_refused"},
		"many entries":    {archive(t, many...), "archive_refused"},
		"larger than all": {larger(t), "archive_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, into := unpacked(t, spec.MediaTypeModelWeight, tc.content)
			if got.Failure().GetClass() != tc.class || got.Failure().GetDetail() == "" && tc.class == "name_refused" {
				t.Errorf("%s, want class %s", got, tc.class)
			}
			if left := below(t, into); len(left) != 0 {
				t.Errorf("left behind: %d files", len(left))
			}
		})
	}
}

// larger is an archive whose file says that it has a terabyte.
func larger(t *testing.T) []byte {
	t.Helper()
	raw := archive(t, file("a", 512))
	copy(raw[124:], "\x80\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00")
	checksum(raw)
	return raw
}

// checksum writes that of the first header anew.
func checksum(raw []byte) {
	copy(raw[148:156], "        ")
	sum := 0
	for _, b := range raw[:512] {
		sum += int(b)
	}
	copy(raw[148:], fmt.Sprintf("%06o\x00 ", sum))
}

// A lot of nothing in a few kilobytes.
func TestBombs(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"gzip", "zstd"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			content := compress(t, how, zeroArchive())
			mediaType := map[string]string{"gzip": spec.MediaTypeModelWeightGzip, "zstd": spec.MediaTypeModelWeightZstd}[how]
			got, into := unpacked(t, mediaType, content)
			if got.Failure().GetClass() != "archive_refused" || !strings.Contains(got.Failure().GetSummary(), "unpacks to more than") {
				t.Errorf("%d bytes: %s", len(content), got)
			}
			if left := below(t, into); len(left) != 0 {
				t.Errorf("left behind: %d files", len(left))
			}
		})
	}
}

// A decoder's memory is what the archive wants, up to a bound.
func TestHungryArchive(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithWindowSize(64<<20), zstd.WithSingleSegment(false))
	if err == nil {
		_, err = z.Write(archive(t, file("a", 10)))
	}
	if err == nil {
		err = z.Flush()
	}
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	got, into := unpacked(t, spec.MediaTypeModelWeightZstd, b.Bytes())
	if got.Failure().GetClass() != "archive_refused" || !strings.Contains(got.Failure().GetSummary(), "window") {
		t.Error(got)
	}
	if left := below(t, into); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
