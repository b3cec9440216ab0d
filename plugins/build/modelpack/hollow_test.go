package modelpack_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

// A terabyte of nothing is refused before a byte of it is read, whatever its name
// and header say, and wherever the package was to go.
func TestSparseFiles(t *testing.T) {
	t.Parallel()
	const terabyte = 1 << 40
	header := fmt.Sprintf(`{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}`, terabyte, terabyte)
	valid := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	server := ocitest.StartPlain(t, nil)
	registry := cty.ObjectVal(map[string]cty.Value{"repository": cty.StringVal(server.Host + "/models/digits"), "plain_http": cty.True})
	for name, tc := range map[string]struct {
		file  string
		start []byte
		more  map[string]cty.Value
	}{
		"weights that are valid": {"model.safetensors", valid, nil},
		"to a registry":          {"model.safetensors", valid, map[string]cty.Value{"registry": registry}},
		"encrypted":              {"model.safetensors", valid, encrypted(map[string]cty.Value{"recipients": strs(identity(t).Recipient().String())}, nil)},
		"GGUF":                   {"model.gguf", []byte("GGUF"), nil},
		"data":                   {"train.csv", []byte("a,b\n"), nil},
		"a huge header":          {"model.safetensors", binary.LittleEndian.AppendUint64(nil, 1<<60), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, map[string][]byte{"out/" + tc.file: tc.start})
			f, err := os.OpenFile(filepath.Join(dir, "out", tc.file), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(f.Truncate(int64(len(tc.start))+terabyte), f.Close()); err != nil {
				t.Skip("this file system has no files of a terabyte: ", err)
			}
			got := start(t).Build("model", digits(tc.more), plugintest.Options{WorkDir: dir})
			if f := got.Failure(); f.GetClass() != "file_hollow" || !strings.Contains(f.GetSummary(), "out/"+tc.file+" has never been written") || f.GetDetail() == "" {
				t.Error(got)
			}
			if _, err := os.Stat(filepath.Join(dir, "dist/digits/index.json")); err == nil || len(got.Artifacts) > 0 {
				t.Errorf("a package was written: %v", got.Artifacts)
			}
		})
	}
}
