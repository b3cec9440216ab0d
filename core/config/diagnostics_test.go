package config_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/diag"
)

var update = flag.Bool("update", false, "rewrite the expected diagnostics")

// TestDiagnostics loads every testdata/diagnostics/*.txtar: the .hcl files are
// the pipeline, "args" has one --var or --var-file a line, and "want" is
// everything that a person would see.
func TestDiagnostics(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob(filepath.Join("testdata", "diagnostics", "*.txtar"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("find cases: %v, %d found", err, len(cases))
	}
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := member(archive, "want")
			got := rendered(t, archive)
			if *update {
				setMember(archive, "want", got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("diagnostics (-want +got), -update rewrites them:\n%s", diff)
			}
		})
	}
}

// rendered is all that is said about the pipeline in an archive. The temporary
// folder's name is taken out.
func rendered(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range archive.Files {
		if f.Name == "want" || f.Name == "args" {
			continue
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	from := config.InputSources{}
	for line := range strings.Lines(member(archive, "args")) {
		line = strings.TrimSpace(line)
		if path, ok := strings.CutPrefix(line, "--var-file "); ok {
			from.Files = append(from.Files, filepath.Join(dir, path))
		} else if text, ok := strings.CutPrefix(line, "--var "); ok {
			from.Flags = append(from.Flags, text)
		}
	}
	assignments, all := config.ReadInputs(from)
	source, diags := config.Parse(config.Options{Path: dir, RunnerVersion: "0.1.0"})
	all = append(all, diags...)
	_, diags = source.Load(config.Inputs{Plugins: plugins(t), Variables: assignments})
	all = append(all, diags...)
	return render(t, all, source.Contents(), dir)
}

// render renders as if dir were the working directory.
func render(t *testing.T, list diag.List, contents map[string][]byte, dir string) string {
	t.Helper()
	plain := strings.NewReplacer(dir+string(filepath.Separator), "", dir, "DIR")
	sources := make(map[string][]byte, len(contents))
	for name, data := range contents {
		sources[plain.Replace(name)] = data
	}
	list = list.Sorted()
	for i := range list {
		d := &list[i]
		d.Summary, d.Detail = plain.Replace(d.Summary), plain.Replace(d.Detail)
		if d.Subject != nil {
			place := *d.Subject
			place.Filename = plain.Replace(place.Filename)
			d.Subject = &place
		}
	}
	var out bytes.Buffer
	if err := diag.Render(&out, list, sources, diag.Options{Width: 100}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func member(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func setMember(archive *txtar.Archive, name, text string) {
	for i := range archive.Files {
		if archive.Files[i].Name == name {
			archive.Files[i].Data = []byte(text)
			return
		}
	}
	archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(text)})
}
