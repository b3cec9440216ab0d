// Package state keeps what a cluster's directory records about it: where its
// files are, which processes it consists of, and who may change it just now.
package state

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/stagegate/stagegate/devcluster/internal/process"
)

const formatVersion = 1

// ErrNone is returned by Load where no cluster has been recorded.
var ErrNone = errors.New("no cluster recorded")

// State is the record of one cluster. It holds no secret but the cookie, which
// only tells our processes from others.
type State struct {
	FormatVersion int         `json:"format_version"`
	Cookie        string      `json:"cookie"`
	Ports         Ports       `json:"ports"`
	Shape         Shape       `json:"shape"`
	Components    []Component `json:"components"`
}

// Ports are the ports last used; they are preferred at the next start.
type Ports struct {
	APIServer int `json:"kube_apiserver"`
	Registry  int `json:"registry"`
}

// Shape says which simulated nodes the cluster has.
type Shape struct {
	Nodes       int `json:"nodes"` // those with GPUs
	GPUsPerNode int `json:"gpus_per_node"`
	CPUNodes    int `json:"cpu_nodes"`
}

// Component is one process of the cluster.
type Component struct {
	Name string `json:"name"`
	process.Identity
	Executable string    `json:"executable"`
	StartedAt  time.Time `json:"started_at"`
}

// New returns the record of a cluster that has nothing running yet.
func New() *State {
	return &State{FormatVersion: formatVersion, Cookie: rand.Text()}
}

// Load reads the record. It needs no lock: Save replaces the file as a whole.
func Load(path string) (*State, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("decode state %s: %w", path, err)
	}
	if s.FormatVersion != formatVersion || s.Cookie == "" {
		return nil, fmt.Errorf("state %s has format %d, want %d", path, s.FormatVersion, formatVersion)
	}
	return &s, nil
}

// Save replaces the record at once, so that no reader ever sees half of it.
func (s *State) Save(path string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("replace state: %w", err)
	}
	return nil
}

// Component returns the recorded component of that name.
func (s *State) Component(name string) (Component, bool) {
	i := slices.IndexFunc(s.Components, func(c Component) bool { return c.Name == name })
	if i < 0 {
		return Component{}, false
	}
	return s.Components[i], true
}

// Record adds the component, in place of an earlier one of the same name.
func (s *State) Record(component Component) {
	s.Forget(component.Name)
	s.Components = append(s.Components, component)
}

// Forget removes the component of that name.
func (s *State) Forget(name string) {
	s.Components = slices.DeleteFunc(s.Components, func(c Component) bool { return c.Name == name })
}

// Alive reports whether the component of that name is recorded and runs.
func (s *State) Alive(name string) bool {
	component, ok := s.Component(name)
	return ok && component.Alive(s.Cookie)
}
