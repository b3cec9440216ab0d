package docs_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// program runs one of ours: as make has built it, or from the sources.
func program(ctx context.Context, pkg string, args ...string) ([]byte, error) {
	name := filepath.Base(pkg)
	if name != "runner" {
		name = "runner-plugin-" + name
	}
	if bin := os.Getenv("STAGEGATE_BIN"); bin != "" {
		return exec.CommandContext(ctx, filepath.Join(bin, name), args...).Output()
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"run", "-buildvcs=false", "./" + pkg}, args...)...)
	cmd.Dir = root
	return cmd.Output()
}

// descriptions asks the plugins once for all tests.
var descriptions = sync.OnceValues(func() ([]*pluginv1.DescribeResponse, error) {
	var out []*pluginv1.DescribeResponse
	for _, name := range []string{"build", "test", "policy", "deploy"} {
		text, err := program(context.Background(), "plugins/"+name, "describe")
		if err != nil {
			return nil, errors.Join(errors.New("describe "+name), err)
		}
		d := new(pluginv1.DescribeResponse)
		if err := protojson.Unmarshal(text, d); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
})

// described are the first-party plugins' descriptions by name.
func described(t *testing.T) map[string]*pluginv1.DescribeResponse {
	t.Helper()
	list, err := descriptions()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]*pluginv1.DescribeResponse, len(list))
	for _, d := range list {
		out[d.GetName()] = d
	}
	return out
}
