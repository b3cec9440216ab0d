package enginetest

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
)

// Toolbox imports an image with the program /toolbox and nothing else, which
// goes with the test. It returns the image's id.
func (e *Engine) Toolbox() string {
	e.t.Helper()
	raw, err := e.http.send(e.t.Context(), "/images/create?fromSrc=-", e.toolbox())
	if err != nil {
		e.t.Fatal(err)
	}
	var last struct{ Status string }
	if err := json.Unmarshal(raw[bytes.LastIndexByte(bytes.TrimSpace(raw), '\n')+1:], &last); err != nil {
		e.t.Fatalf("import image: %v: %s", err, raw)
	}
	e.RemoveLater(last.Status)
	return last.Status
}

// toolbox is the file system of the image.
func (e *Engine) toolbox() []byte {
	e.t.Helper()
	program := e.Program()
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	for _, err := range []error{
		out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "etc/", Mode: 0o755}),
		out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "toolbox", Mode: 0o755, Size: int64(len(program))}),
	} {
		if err != nil {
			e.t.Fatal(err)
		}
	}
	if _, err := out.Write(program); err != nil {
		e.t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		e.t.Fatal(err)
	}
	return b.Bytes()
}

// Program is the toolbox itself, a static binary.
func (e *Engine) Program() []byte {
	e.t.Helper()
	file := filepath.Join(e.t.TempDir(), "toolbox")
	cmd := exec.CommandContext(e.t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "github.com/stagegate/stagegate/plugins/internal/engine/enginetest/toolbox")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		e.t.Fatalf("build the toolbox: %v: %s", err, out)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		e.t.Fatal(err)
	}
	return program
}
