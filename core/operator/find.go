package operator

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stagegate/stagegate/core/diag"
)

// maxSize bounds the configuration, in bytes.
const maxSize = 1 << 20

// systemConfig is read where the operator has no configuration of their own.
const systemConfig = "/etc/stagegate/runner.hcl"

// Find reads the configuration that $RUNNER_CONFIG names, else the one in the
// user's XDG configuration folder, else the system's. Where there is none, the
// zero value counts; a file that is named and missing is an error.
func Find(env func(string) string) (*Config, diag.List, error) {
	if named := env("RUNNER_CONFIG"); named != "" {
		return read(named)
	}
	for _, path := range candidates(env) {
		config, diags, err := read(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return config, diags, err
		}
	}
	return &Config{}, nil, nil
}

func candidates(env func(string) string) []string {
	var out []string
	if dir := env("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		out = append(out, filepath.Join(dir, "stagegate", "runner.hcl"))
	} else if home := env("HOME"); filepath.IsAbs(home) {
		out = append(out, filepath.Join(home, ".config", "stagegate", "runner.hcl"))
	}
	return append(out, systemConfig)
}

// HomeDir is where state is kept: $RUNNER_HOME, else the configuration's, else
// the XDG state folder.
func (c *Config) HomeDir(env func(string) string) (string, error) {
	if dir := env("RUNNER_HOME"); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("find the state folder: %w", err)
		}
		return abs, nil
	}
	if c.Home != "" {
		return c.Home, nil
	}
	if dir := env("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "stagegate"), nil
	}
	if home := env("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "stagegate"), nil
	}
	return "", errors.New("find the state folder: set RUNNER_HOME, since neither XDG_STATE_HOME nor HOME is set")
}

func read(path string) (*Config, diag.List, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the operator's configuration: %w", err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("read the operator's configuration: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, nil, fmt.Errorf("read the operator's configuration: %s can be written by group or others (mode %04o), who could switch off every policy; run chmod go-w on it", path, info.Mode().Perm())
	}
	src, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read the operator's configuration: %w", err)
	}
	if len(src) > maxSize {
		return nil, nil, fmt.Errorf("read the operator's configuration: %s has more than %d bytes", path, maxSize)
	}
	config, diags := Parse(src, path)
	return config, diags, nil
}
