package kubernetes

import "time"

// What holds where the configuration says nothing. The schema's descriptions
// name the same values.
const (
	defaultNamespace       = "default"
	defaultReplicas        = 1
	defaultPort            = 8080
	defaultResource        = "nvidia.com/gpu"
	defaultReadinessPath   = "/readyz"
	defaultSurge           = "1"
	defaultUnavailable     = "0"
	defaultDrain           = 5 * time.Second
	defaultScheduleTimeout = 2 * time.Minute
	defaultReadyTimeout    = 10 * time.Minute
)

// Bounds of what a configuration may ask for.
const (
	maxReplicas = 1000
	maxTimeout  = 24 * time.Hour
	maxDrain    = 10 * time.Minute
	maxDevices  = 1024
	maxUser     = 1<<31 - 1
)

// The strategies.
const (
	rollingStrategy  = "rolling"
	recreateStrategy = "recreate"
)

// What capacity_check may be.
const (
	checkRequire = "require"
	checkWarn    = "warn"
)
