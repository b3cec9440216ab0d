// Package stagegate_test holds the rules of the whole repository.
package stagegate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/stagegate/stagegate"

// goPackage is what `go list -json` says.
type goPackage struct {
	ImportPath string
	Dir        string
	Doc        string
	Standard   bool
	Imports    []string
	Deps       []string
	GoFiles    []string
}

func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Dir,Doc,Standard,Imports,Deps,GoFiles"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var packages []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// within reports whether a package is one or below it.
func within(path string, parents ...string) bool {
	return slices.ContainsFunc(parents, func(parent string) bool {
		return path == parent || strings.HasPrefix(path, parent+"/")
	})
}

func thirdParty(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && !within(path, module)
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	sdk, core, plugins := module+"/sdk", module+"/core", module+"/plugins"
	shared := plugins + "/internal" // clients of outside systems that more than one family speaks to
	leaves := []string{core + "/diag", core + "/event", core + "/pipeline", core + "/graph", core + "/preview", core + "/graphview", core + "/provenance"}
	owners := map[string][]string{"docker": nil, "kubernetes": nil, "opa": nil, "sigstore": nil, "go-plugin": nil}
	for _, p := range list(t, "./...") {
		for _, imported := range p.Imports {
			refuse := func(rule string) { t.Errorf("%s imports %s: %s", p.ImportPath, imported, rule) }
			switch {
			case within(p.ImportPath, sdk) && thirdParty(imported) && !within(imported,
				"github.com/hashicorp/go-plugin", "github.com/hashicorp/go-hclog", "google.golang.org/grpc",
				"google.golang.org/protobuf", "github.com/zclconf/go-cty"):
				refuse("the SDK is linked by every vendor and stays small")
			case within(p.ImportPath, sdk) && within(imported, module) && !within(imported, sdk):
				refuse("the SDK imports only itself")
			case within(p.ImportPath, core, module+"/cmd") && within(imported, plugins):
				refuse("core talks to plugins by the protocol only")
			case within(p.ImportPath, plugins) && within(imported, core):
				refuse("a plugin knows the SDK only")
			case within(p.ImportPath, plugins) && within(imported, plugins) && family(p.ImportPath) != family(imported) && !within(imported, shared):
				refuse("plugins do not know each other")
			case within(imported, shared+"/engine", shared+"/container") && !slices.Contains([]string{"internal", "build", "test"}, family(p.ImportPath)),
				within(imported, shared+"/cluster") && !slices.Contains([]string{"internal", "deploy", "test"}, family(p.ImportPath)):
				refuse("only the families that need it link a heavy library")
			case slices.Contains(leaves, p.ImportPath) && within(imported, "os", "net"):
				refuse("leaves do no I/O")
			case p.ImportPath == core+"/graph" && within(imported, module):
				refuse("the graph is generic")
			}
			for name, prefix := range map[string]string{
				"docker": "github.com/docker/docker", "kubernetes": "k8s.io/client-go",
				"opa": "github.com/open-policy-agent/opa", "go-plugin": "github.com/hashicorp/go-plugin",
				"sigstore": "github.com/sigstore",
			} {
				if within(imported, prefix) && !slices.Contains(owners[name], p.ImportPath) {
					owners[name] = append(owners[name], p.ImportPath)
				}
			}
		}
	}
	// Docker and client-go are behind one package each, so that each can be
	// replaced in one place, and sigstore behind one with its test services.
	for name, home := range map[string]string{
		"docker": shared + "/engine", "kubernetes": shared + "/cluster", "opa": plugins + "/policy", "sigstore": plugins + "/build/keyless",
	} {
		for _, owner := range owners[name] {
			if owner != home && (name != "opa" && name != "sigstore" || !within(owner, home)) {
				t.Errorf("%s is imported by %s: it belongs to %s", name, owner, home)
			}
		}
	}
	for _, owner := range owners["go-plugin"] {
		if !within(owner, sdk, core+"/pluginhost") {
			t.Errorf("%s imports go-plugin: only the SDK and core/pluginhost do", owner)
		}
	}
}

// family is build, test, policy or deploy, or internal for what they share.
func family(path string) string {
	rest, ok := strings.CutPrefix(path, module+"/plugins/")
	if !ok {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	return first
}

func TestTheRunnerLinksNoHeavyLibrary(t *testing.T) {
	t.Parallel()
	for _, dep := range list(t, "./cmd/runner")[0].Deps {
		for _, heavy := range []string{"github.com/docker", "github.com/moby", "k8s.io/client-go", "github.com/open-policy-agent", "github.com/sigstore"} {
			if within(dep, heavy) || strings.HasPrefix(dep, heavy+"/") {
				t.Errorf("the runner links %s", dep)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		if len(p.GoFiles) > 0 && p.Doc == "" && !strings.HasSuffix(p.ImportPath, "/v1") {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

func TestFilesStaySmall(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		for _, name := range p.GoFiles {
			if strings.HasSuffix(name, ".pb.go") {
				continue
			}
			src, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if lines := bytes.Count(src, []byte("\n")); lines > 450 {
				t.Errorf("%s/%s has %d lines: one concept a file", p.ImportPath, name, lines)
			}
		}
	}
}

// Nothing happens by importing: no init function, anywhere.
func TestNoInit(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".pb.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestGoModIsClean(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(src, []byte("replace")) {
		t.Error("go.mod has a replace line: nobody could install the runner then")
	}
}
