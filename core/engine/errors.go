package engine

import "fmt"

// PluginError says that a plugin, not the stage, misbehaved.
type PluginError struct {
	Plugin string
	Class  string // plugin_crashed, plugin_hung, plugin_protocol, plugin_missing
	// LastWords is the end of its standard error, redacted.
	LastWords string
	Err       error
}

// Error names the plugin and what happened.
func (e *PluginError) Error() string { return fmt.Sprintf("plugin %s: %v", e.Plugin, e.Err) }

// Unwrap is the cause.
func (e *PluginError) Unwrap() error { return e.Err }
