package pluginhost

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stagegate/stagegate/core/pluginhost/fake"
	"go.uber.org/goleak"
)

// TestMain is also the main function of every fake plugin, under whose names
// the test binary is linked, and of a runner that is killed.
func TestMain(m *testing.M) {
	fake.Main()
	if base := os.Getenv(hostVariable); base != "" {
		os.Exit(actAsHost(base))
	}
	os.Exit(run(m))
}

// pluginDirVariable tells tests where the plugins are.
const pluginDirVariable = "PLUGINHOST_TEST_PLUGINS"

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("/tmp", "ph")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := install(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv(pluginDirVariable, dir)
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// install puts one copy of the test binary under every name. They are all
// there before the first test: a new name changes the file's times.
func install(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	base := filepath.Join(dir, "binary")
	if err := copyFile(self, base); err != nil {
		return err
	}
	for name := range fake.Commands() {
		if err := os.Link(base, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}
