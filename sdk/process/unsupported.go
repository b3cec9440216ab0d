//go:build !linux

package process

// See the package comment for the reason. The compiler says it best with a name
// that nobody has declared.
var _ = stagegate_runs_on_linux_only
