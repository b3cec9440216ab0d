//go:build linux

package process

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// BaseVariables are the names that every plugin and command gets from the
// runner's own environment, where they are set.
func BaseVariables() []string {
	return []string{
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ",
		"TMPDIR", "XDG_RUNTIME_DIR",
	}
}

// environment is the base, then what the operator passes, then the stage's.
func (c Command) environment() []string {
	names := BaseVariables()
	if pass := os.Getenv(PassVariable); pass != "" {
		names = append(names, strings.Split(pass, ",")...)
	}
	env := make([]string, 0, len(names)+len(c.Env)+2)
	for _, name := range names {
		if _, own := c.Env[name]; own {
			continue
		}
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for name, value := range c.Env {
		if name != AttemptVariable && name != InstanceVariable {
			env = append(env, name+"="+value)
		}
	}
	env = append(env, AttemptVariable+"="+c.AttemptID)
	if instance := os.Getenv(InstanceVariable); instance != "" {
		env = append(env, InstanceVariable+"="+instance)
	}
	slices.Sort(env)
	return slices.Compact(env)
}

// lookPath finds a program: by PATH when it has no slash, and otherwise
// relative to dir. PATH entries that are not absolute are passed over, since
// they would start whatever the tree under test holds.
func lookPath(program, dir string) (string, error) {
	if strings.Contains(program, "/") {
		if filepath.IsAbs(program) {
			return program, nil
		}
		return filepath.Join(dir, program), nil
	}
	found, err := exec.LookPath(program)
	if errors.Is(err, exec.ErrDot) || (err == nil && !filepath.IsAbs(found)) {
		return "", exec.ErrNotFound
	}
	return found, err
}
