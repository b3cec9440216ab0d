// Command generate writes the references in the user guide anew. It is run by
// go generate, in the folder of the guide.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/stagegate/stagegate/docs/internal/reference"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

func main() {
	if err := generate(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "generate the references:", err)
		os.Exit(1)
	}
}

func generate(ctx context.Context) error {
	var plugins []*pluginv1.DescribeResponse
	for _, name := range []string{"build", "test", "policy", "deploy"} {
		// From the sources: what is in bin may be older.
		out, err := exec.CommandContext(ctx, "go", "run", "../plugins/"+name, "describe").Output()
		if err != nil {
			return fmt.Errorf("describe plugin %s: %w", name, err)
		}
		d := new(pluginv1.DescribeResponse)
		if err := protojson.Unmarshal(out, d); err != nil {
			return fmt.Errorf("describe plugin %s: %w", name, err)
		}
		plugins = append(plugins, d)
	}
	components, err := reference.Components(plugins)
	if err != nil {
		return err
	}
	if err := os.WriteFile("components.md", []byte(components), 0o644); err != nil { //nolint:gosec // documentation is for everybody
		return err
	}
	messages, err := reference.Protocol(os.DirFS("../sdk/proto/runner/plugin/v1"))
	if err != nil {
		return err
	}
	guide, err := os.ReadFile("protocol.md")
	if err != nil {
		return err
	}
	fresh, err := reference.Section(string(guide), "messages", messages)
	if err != nil {
		return err
	}
	return os.WriteFile("protocol.md", []byte(fresh), 0o644) //nolint:gosec // documentation is for everybody
}
