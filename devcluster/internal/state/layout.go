package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Layout names the files of one cluster. The zero value is of no use.
type Layout struct {
	// Dir is absolute. All else is below it.
	Dir string
}

// NewLayout returns the layout of the cluster in dir; an empty dir means the
// default one for this user.
func NewLayout(dir string, getenv func(string) string) (Layout, error) {
	if dir == "" {
		dir = getenv("DEVCLUSTER_DIR")
	}
	if dir == "" {
		base := getenv("XDG_STATE_HOME")
		if !filepath.IsAbs(base) { // the XDG specification ignores relative ones
			home := getenv("HOME")
			if home == "" {
				return Layout{}, errors.New("neither --dir, $DEVCLUSTER_DIR, $XDG_STATE_HOME nor $HOME is set")
			}
			base = filepath.Join(home, ".local", "state")
		}
		dir = filepath.Join(base, "stagegate", "devcluster")
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, fmt.Errorf("find cluster directory: %w", err)
	}
	return Layout{Dir: absolute}, nil
}

// Create makes the folders. Each of ours is private to the user; Dir itself is
// left as it is where it exists already, since it may be somebody's own.
func (l Layout) Create() error {
	for _, dir := range append([]string{l.Dir}, l.folders()...) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("create cluster directory: %w", err)
		}
	}
	return nil
}

// Remove deletes everything that a cluster keeps, and nothing else that may
// lie in Dir. The lock goes with it: the caller holds it.
func (l Layout) Remove() error {
	for _, path := range append(l.folders(), l.State(), l.Kubeconfig(), l.Lock()) {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove cluster: %w", err)
		}
	}
	err := os.Remove(l.Dir)
	if err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove cluster directory: %w", err)
	}
	return nil
}

func (l Layout) folders() []string {
	return []string{l.PKI(""), l.Config(""), l.Registry(""), l.Etcd(""), l.path("logs")}
}

// Lock is the file that Acquire takes.
func (l Layout) Lock() string { return l.path("lock") }

// State is the file that Load reads.
func (l Layout) State() string { return l.path("state.json") }

// Kubeconfig is the administrator's kubeconfig.
func (l Layout) Kubeconfig() string { return l.path("kubeconfig") }

// Etcd names a file of etcd, which runs in that folder. The folder keeps other
// users from its sockets, so that etcd needs no certificates.
func (l Layout) Etcd(name string) string { return l.path("etcd", name) }

// PKI names a file of the cluster's own authority.
func (l Layout) PKI(name string) string { return l.path("pki", name) }

// Config names a configuration file of a component.
func (l Layout) Config(name string) string { return l.path("config", name) }

// Registry names a file of the registry.
func (l Layout) Registry(name string) string { return l.path("registry", name) }

// Log is the log file of a component.
func (l Layout) Log(component string) string { return l.path("logs", component+".log") }

func (l Layout) path(elements ...string) string {
	return filepath.Join(append([]string{l.Dir}, elements...)...)
}
