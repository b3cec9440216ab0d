package examples

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// surroundings are what scripts may find on a machine.
type surroundings struct {
	t      *testing.T
	bin    string // the runner and its plugins
	vendor string // plugins of others
	once   sync.Once
	found  *devcluster
	err    error
}

// devcluster is what `devcluster up --format json` says.
type devcluster struct {
	Kubeconfig string `json:"kubeconfig"`
	Registry   struct {
		Address string `json:"address"`
		CA      string `json:"ca"`
	} `json:"registry"`
}

// condition tells scripts what is there. What is required by the environment
// and missing is an error, so that nothing is skipped where all must run.
func (s *surroundings) condition(name string) (bool, error) {
	switch name {
	case "cluster":
		_, err := s.cluster()
		return s.present("STAGEGATE_REQUIRE_CLUSTER", "the embedded cluster", err)
	case "docker":
		out, err := exec.Command("docker", "version", "--format", "{{.Server.Version}}").CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
		}
		return s.present("STAGEGATE_REQUIRE_DOCKER", "the Docker engine", err)
	case "ssh":
		_, err := exec.LookPath("ssh-keygen")
		return s.present("STAGEGATE_REQUIRE_SSH", "ssh-keygen", err)
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

func (s *surroundings) present(variable, what string, err error) (bool, error) {
	if err != nil && os.Getenv(variable) == "1" {
		return false, fmt.Errorf("%s is required by %s: %w", what, variable, err)
	}
	if err != nil {
		s.t.Logf("SKIPPED for want of %s: %v", what, err)
	}
	return err == nil, nil
}

// cluster starts one for all scripts and ends it with the test.
func (s *surroundings) cluster() (*devcluster, error) {
	s.once.Do(func() {
		program := filepath.Join(s.bin, "devcluster")
		if _, err := os.Stat(program); err != nil {
			s.err = fmt.Errorf("it is not built (make devcluster): %w", err)
			return
		}
		dir := s.t.TempDir()
		s.t.Cleanup(func() {
			if out, err := exec.Command(program, "down", "--dir", dir).CombinedOutput(); err != nil {
				s.t.Errorf("end the cluster: %v\n%s", err, out)
			}
		})
		up := exec.CommandContext(s.t.Context(), program, "up", "--dir", dir, "--format", "json")
		var progress strings.Builder
		up.Stderr = &progress
		out, err := up.Output()
		if err != nil {
			s.err = fmt.Errorf("start the cluster: %w\n%s", err, progress.String())
			return
		}
		s.found = &devcluster{}
		s.err = json.Unmarshal(out, s.found)
	})
	return s.found, s.err
}

// setup gives a script the runner and a state folder of its own. The home
// folder stays the user's: Go keeps its cache there, Docker its configuration.
func (s *surroundings) setup(e *testscript.Env) error {
	e.Setenv("HOME", os.Getenv("HOME"))
	e.Setenv("PATH", s.bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
	e.Setenv("RUNNER_HOME", filepath.Join(e.WorkDir, "state"))
	e.Setenv("RUNNER_PLUGIN_PATH", s.vendor)
	e.Setenv("NO_COLOR", "1")
	config := "# the operator's\n"
	if engine := os.Getenv("DOCKER_HOST"); engine != "" {
		// Commands get no variable that the operator does not pass.
		e.Setenv("DOCKER_HOST", engine)
		config = `pass_env = ["DOCKER_HOST"]` + "\n"
	}
	dir := filepath.Join(e.WorkDir, "config", "stagegate")
	return errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "runner.hcl"), []byte(config), 0o600))
}

// commands are those that scripts have beside testscript's own.
func (s *surroundings) commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"inbox": inbox,
		// cluster sets the pipelines' variables to the embedded cluster.
		"cluster": func(ts *testscript.TestScript, _ bool, _ []string) {
			c, err := s.cluster()
			ts.Check(err)
			ts.Setenv("RUNNER_VAR_registry", c.Registry.Address)
			ts.Setenv("RUNNER_VAR_registry_ca", c.Registry.CA)
			ts.Setenv("RUNNER_VAR_kubeconfig", c.Kubeconfig)
		},
	}
}
