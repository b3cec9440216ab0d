package image_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/plugins/internal/engine/enginetest"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

const program = `package main

import (
	"fmt"
	"os"
)

func main() {
	data, err := os.ReadFile("data/greeting")
	fmt.Printf("%s %s %d %v", data, os.Getenv("WHO"), os.Getuid(), err)
	os.Exit(len(os.Args))
}
`

// A real engine pulls the image by its digest and runs it.
func TestRunsInAnEngine(t *testing.T) {
	e := enginetest.Require(t)
	source := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := tree(t, map[string][]byte{"data/greeting": []byte("hello")})
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", filepath.Join(dir, "server"), source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	server := ocitest.StartPlain(t, nil) // the engine takes loopback without TLS
	got := start(t).Build("image", config(map[string]cty.Value{
		"cmd": strs("one", "two"), "working_dir": cty.StringVal("/app"), "env": cty.MapVal(map[string]cty.Value{"WHO": cty.StringVal("world")}),
		"file":     files(map[string]cty.Value{"/app/server": file("source", "server"), "/app/data": file("source", "data")}),
		"registry": cty.ObjectVal(map[string]cty.Value{"repository": cty.StringVal(server.Host + "/server"), "plain_http": cty.True}),
	}), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	output, code := e.Run(got.Outputs.GetAttr("reference").AsString())
	if want := "hello world 65532 <nil>"; output != want || code != 3 {
		t.Errorf("it printed %q and ended with %d; want %q and 3", output, code, want)
	}
}
