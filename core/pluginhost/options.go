package pluginhost

import (
	"context"
	"io"
	"log/slog"
	"os"
)

// Options say where plugins are and what they get. The zero value of a field
// switches off what it describes.
type Options struct {
	// StoreDir is the folder that the lock file's plugins are installed in.
	StoreDir string
	// RunnerDir is the folder of the runner's own executable.
	RunnerDir string
	// SearchPath is a list of folders as in RUNNER_PLUGIN_PATH.
	SearchPath string
	// Digests are those that the lock file wants, "sha256:<hex>" by plugin.
	Digests map[string]string
	// RuntimeDir is where sockets go; empty means the user's runtime folder.
	// It has to be short: the kernel takes 107 bytes of a socket's path.
	RuntimeDir string
	// CacheDir keeps descriptions by digest.
	CacheDir string
	// Environ is the runner's environment, of which plugins get a part.
	Environ []string
	// PassEnv names further variables for plugins and their commands.
	PassEnv []string
	// TrustRoot is the path of the keys that verify decisions.
	TrustRoot string
	// Version is the runner's, for messages.
	Version string
	// Blobs and Secrets answer the callbacks of attempts in flight.
	Blobs   BlobStore
	Secrets SecretResolver
	// Redact takes secrets out of a plugin's last words.
	Redact func(string) string
	// Logger takes what a person may want to know and nobody has to.
	Logger *slog.Logger
	// Limits replace the defaults where they are not zero.
	Limits Limits
}

// BlobStore keeps content by its digest, "sha256:<hex>".
type BlobStore interface {
	// Open gives a stored blob; the caller closes it. The error of a digest
	// that is not there is fs.ErrNotExist.
	Open(digest string) (*os.File, error)
	// Put stores what r yields once r has ended with io.EOF. After any other
	// error nothing is stored.
	Put(ctx context.Context, r io.Reader) (digest string, size int64, err error)
}

// SecretResolver gives the values of secrets.
type SecretResolver interface {
	// Resolve returns the value of a secret. Its error never holds a value.
	Resolve(ctx context.Context, name string) ([]byte, error)
}
